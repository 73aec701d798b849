"""How like its content and its style a stimulus is, beside how like it is to others of the set: the null."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata

from neckar.pipeline.photometry.copies import SIDES, Searched, best_match
from neckar.pipeline.photometry.luminance import luma
from neckar.pipeline.photometry.structure import ms_ssim, ssim
from neckar.pipeline.stimuli.thresholds import NULLS
from neckar.pipeline.synthesis.engine.synthesizer import Synthesizer
from neckar.pipeline.synthesis.losses.representation import Representation
from neckar.pipeline.synthesis.task import Program, Task
from neckar.pipeline.worker.recipe import Recipe
from neckar.schemas.errors import PairError
from neckar.schemas.pair import Pair

COPY_NULLS = 3  # the search for copies costs 0.2 s each at 256 px
COPIED = 0.1  # nearer than the style to itself and than others to it: unrelated pictures reach .86 at 32 px
CACHE_BYTES = 768 << 20
SSIM_SIDE_MIN = 11  # px: its window


class Likeness:
    """Measures of stimuli, with what they are compared with kept while it lasts.

    Args:
        engine: its float32 networks.
        prepare: a pair's pictures as the network sees them.
        contents: URIs of all photographs of the set, in any order.
        styles: of all artworks.
    """

    def __init__(
        self,
        engine: Synthesizer,
        prepare: Callable[[Pair], Recipe],
        contents: Sequence[str],
        styles: Sequence[str],
    ) -> None:
        self._engine = engine
        self._prepare = prepare
        self._contents = contents
        self._styles = styles
        self._held: OrderedDict[tuple[Any, ...], Representation] = OrderedDict()
        self._bytes = 0
        self._searched: OrderedDict[str, tuple[Searched, dict[int, float | None]]] = OrderedDict()

    def measure(self, recipe: Recipe, levels: np.ndarray) -> dict[str, Any]:
        """The columns of one synthesised stimulus.

        Args:
            recipe: with its task.
            levels: (H, W, 3 or 4), samples of its final file.
        """
        task = recipe.task
        assert task is not None
        picture = recipe.seen(levels)
        own = self._engine.represent(task.program, picture)
        columns: dict[str, Any] = {}
        losses = self._engine.losses([task], [picture])[0]
        columns |= {"loss_total": losses.total, "loss_content": losses.content, "loss_style": losses.style}
        if task.style is not None:
            columns |= self._style(recipe, task, own)
            columns |= self._copies(recipe, task, picture)
        if task.content is not None:
            columns |= self._content(recipe, task, own)
            columns |= _structure(picture, task.content)
        return columns

    # --- the style ---

    def _style(self, recipe: Recipe, task: Task, own: Representation) -> dict[str, Any]:
        target = self._of(task, "style")
        others = [self._of(other, "style") for other in self._other_tasks(recipe.pair, "style", NULLS)]
        columns: dict[str, Any] = {"style_null_n": len(others)}
        for layer, gram in own.grams.items():
            error = relative_error(gram, target.grams[layer])
            null = [relative_error(gram, other.grams[layer]) for other in others]
            columns |= beside_null(f"gram_rel_err_{layer}", error, null)
        return columns

    def _copies(self, recipe: Recipe, task: Task, picture: np.ndarray) -> dict[str, Any]:
        assert task.style is not None
        made = luma(picture.astype(np.float64)) / 255
        style, own = self._search(task.style_key, task.style)
        others = [
            self._search(other.style_key, other.style)[0]
            for other in self._other_tasks(recipe.pair, "style", COPY_NULLS)
            if other.style is not None
        ]
        columns: dict[str, Any] = {}
        copied = False
        for side in SIDES:
            if 2 * side > min(made.shape):  # a crop of more than half the picture is the picture
                continue
            best = best_match(made, style, side)
            null = [found for other in others if (found := best_match(made, other, side)) is not None]
            columns[f"max_ncc_style_{side}"] = best
            if side not in own:
                own[side] = best_match(style.luma, style, side, elsewhere=True)
            columns[f"self_ncc_{side}"] = own[side]
            columns[f"max_ncc_null_{side}"] = max(null, default=None)
            beaten = [value for value in (own[side], max(null, default=None)) if value is not None]
            copied |= best is not None and bool(beaten) and best > max(beaten) + COPIED
        return {**columns, "copies_style": copied}

    def _search(self, key: str, picture: np.ndarray) -> tuple[Searched, dict[int, float | None]]:
        if key not in self._searched:
            self._searched[key] = (Searched(luma(picture.astype(np.float64)) / 255), {})
            if len(self._searched) > 4 * NULLS:
                self._searched.popitem(last=False)
        self._searched.move_to_end(key)
        return self._searched[key]

    # --- the content ---

    def _content(self, recipe: Recipe, task: Task, own: Representation) -> dict[str, Any]:
        assert task.content is not None
        target = _flat(self._of(task, "content"))
        made = _flat(own)
        others = [
            _flat(self._of(other, "content"))
            for other in self._other_tasks(recipe.pair, "content", NULLS)
            if other.content is not None and other.content.shape == task.content.shape
        ]
        ranks = rankdata(made)
        return {
            "content_null_n": len(others),
            **beside_null("content_pearson_r", correlation(made, target), [correlation(made, one) for one in others]),
            **beside_null(
                "content_spearman_rho",
                correlation(ranks, rankdata(target)),
                [correlation(ranks, rankdata(one)) for one in others],
            ),
        }

    # --- what is compared with ---

    def _other_tasks(self, pair: Pair, side: str, most: int) -> list[Task]:
        """Of the same pair with another picture on one side: which ones, hangs on their names alone."""
        own = getattr(pair, side)
        all_ = self._styles if side == "style" else self._contents
        others = sorted((uri for uri in all_ if uri != own), key=lambda uri: _rank(own, uri))[:most]
        found = []
        for uri in others:
            try:
                task = self._prepare(_with(pair, side, uri)).task
            except PairError:  # one that cannot be read is no null
                continue
            if task is not None:
                found.append(task)
        return found

    def _of(self, task: Task, side: str) -> Representation:
        """Of a task's content or style picture."""
        program = _one_sided(task.program, side)
        picture = task.style if side == "style" else task.content
        key = (side, task.style_key if side == "style" else task.content_key, program)
        assert picture is not None
        if key not in self._held:
            self._held[key] = self._engine.represent(program, picture)
            self._bytes += _bytes(self._held[key])
            while self._bytes > CACHE_BYTES and len(self._held) > 1:
                _, gone = self._held.popitem(last=False)
                self._bytes -= _bytes(gone)
        self._held.move_to_end(key)
        return self._held[key]


def relative_error(gram: np.ndarray, target: np.ndarray) -> float:
    """|G/M - A/M_a| / |A/M_a|, Frobenius: 2 N sqrt(E_l) / |A/M_a| (eq. 4)."""
    norm = float(np.linalg.norm(target))
    return float(np.linalg.norm(gram.astype(np.float64) - target)) / norm if norm > 0.0 else float("nan")


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r; NaN where one of them is constant."""
    a, b = a.astype(np.float64) - a.mean(dtype=np.float64), b.astype(np.float64) - b.mean(dtype=np.float64)
    norm = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    return float(a @ b) / norm if norm > 0.0 else float("nan")


def beside_null(name: str, value: float, null: Sequence[float]) -> dict[str, float | None]:
    """A measure with the median of its null and its percentile there: the share of the null that is no larger."""
    known = [one for one in null if np.isfinite(one)]
    if not np.isfinite(value):
        return {name: None}
    return {
        name: value,
        f"{name}_null": float(np.median(known)) if known else None,
        f"{name}_null_percentile": 100.0 * sum(one <= value for one in known) / len(known) if known else None,
    }


def _structure(picture: np.ndarray, content: np.ndarray) -> dict[str, Any]:
    a, b = luma(picture.astype(np.float64)) / 255, luma(content.astype(np.float64)) / 255
    if a.shape != b.shape or min(a.shape) < SSIM_SIDE_MIN:
        return {}
    return {"ssim_content": ssim(a, b), "ms_ssim_content": ms_ssim(a, b)}


def _one_sided(program: Program, side: str) -> Program:
    program = dataclasses.replace(program, precision="float32", height=0, width=0)
    if side == "style":
        return dataclasses.replace(program, content_layers=())
    return dataclasses.replace(program, style_layers=())


def _with(pair: Pair, side: str, uri: str) -> Pair:
    return dataclasses.replace(pair, style=uri) if side == "style" else dataclasses.replace(pair, content=uri)


def _flat(representation: Representation) -> np.ndarray:
    return np.concatenate(list(representation.responses.values()))


def _rank(*names: str | None) -> bytes:
    return hashlib.sha256("\0".join(map(str, names)).encode()).digest()


def _bytes(representation: Representation) -> int:
    return sum(a.nbytes for a in (*representation.grams.values(), *representation.responses.values()))
