"""The result row of a picture just made."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from neckar.pipeline.images.encode import pixel_sha256
from neckar.pipeline.images.finish import Finished
from neckar.pipeline.photometry.measure import photometry
from neckar.pipeline.results.layout import image_key
from neckar.pipeline.results.rows.pair_row import pair_columns, setting_columns
from neckar.pipeline.synthesis.losses.conventions import ratios
from neckar.pipeline.synthesis.task import Losses, Solution
from neckar.pipeline.worker.recipe import Recipe
from neckar.schemas.results import ResultRow, Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """Who made a picture, for its row.

    Attributes:
        worker: name of the worker.
        device: name of its device.
        weights_sha256: of the network's weights, hex.
        torch_version, neckar_version: of the software.
        node: host name of its machine.
        kernels: those in C that it has, or "torch".
    """

    worker: str
    device: str
    weights_sha256: str
    torch_version: str
    neckar_version: str
    node: str
    kernels: str


def made_row(recipe: Recipe, solution: Solution, finished: Finished, png_losses: Losses, maker: Maker) -> ResultRow:
    """The row of a picture just made; its photometry and the hashes of its files are left for who measures and writes.

    Args:
        recipe: what was asked for.
        solution: what the engine made of it.
        finished: the samples of its file.
        png_losses: at these samples.
        maker: who did it.
    """
    task = recipe.task
    assert task is not None
    ratio, ratio_pytorch = ratios(task.program, task.alpha, task.beta, task.style_weights)
    return ResultRow(
        **_what_it_is(recipe, finished, maker),
        alpha_beta_ratio=ratio,
        alpha_beta_ratio_pytorch=ratio_pytorch,
        iterations=solution.iterations,
        stop_reason=solution.stop_reason,
        loss_total=solution.losses.total,
        loss_content=solution.losses.content,
        loss_style=solution.losses.style,
        loss_total_png=png_losses.total,
        loss_content_png=png_losses.content,
        loss_style_png=png_losses.style,
        loss_trace=Trace(solution.trace_columns, solution.trace),
        seconds=solution.finished_at - solution.started_at,
        started_at=datetime.fromtimestamp(solution.started_at, UTC),
        finished_at=datetime.fromtimestamp(solution.finished_at, UTC),
    )


def control_row(recipe: Recipe, finished: Finished, maker: Maker) -> ResultRow:
    """The row of a control; there are no losses where no network was asked."""
    control = recipe.control
    assert control is not None
    now = datetime.now(UTC)
    return ResultRow(
        **_what_it_is(recipe, finished, maker),
        rescale_gain=control.rescale_gain,
        chroma_kept=control.chroma_kept,
        started_at=now,
        finished_at=now,
    )


def _what_it_is(recipe: Recipe, finished: Finished, maker: Maker) -> dict[str, Any]:
    return {
        **pair_columns(recipe.pair),
        **setting_columns(recipe.settings, recipe.pair),
        **dataclasses.asdict(maker),
        "status": "ok",
        "warnings": recipe.warnings,
        "content_sha256": recipe.content_sha256,
        "style_sha256": recipe.style_sha256,
        "spec_hash": recipe.spec_hash,
        "image_uri": image_key(recipe.spec_hash),
        "pixel_sha256": pixel_sha256(finished.levels),
        "height_px": finished.levels.shape[0],
        "width_px": finished.levels.shape[1],
    }


def measured_row(row: ResultRow, finished: Finished) -> ResultRow:
    """The row with its photometry: of the file's samples, weighted by its aperture."""
    levels, form = finished.levels, finished.form
    found = photometry(levels[..., :3], transfer=form.transfer, weights=form.window(*levels.shape[:2]))
    return dataclasses.replace(row, **dataclasses.asdict(found))
