"""A pair with its pictures in hand: the task for the engine and the identity of the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from neckar.pipeline.images.finish import FileForm, Finished, finish
from neckar.pipeline.results.identity import ALGORITHM_VERSION, spec_hash
from neckar.pipeline.synthesis.task import Precision, Program, Task
from neckar.pipeline.worker.colours import Inputs, as_the_network_sees, coloured, is_grey, made
from neckar.pipeline.worker.controls import Control, control
from neckar.pipeline.worker.pictures import Picture, Pictures
from neckar.schemas.pair import Pair
from neckar.schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides the pixels of a pair's result.

    Attributes:
        pair: the pair.
        settings: its settings, the precision resolved.
        content_sha256, style_sha256: of the files, hex; None where there is none.
        spec_hash: identity of the result.
        task: for the engine, under the spec hash as key; None of a control, which is made already.
        control: that; None where the engine makes the picture.
        content: the photograph in its own colours; None where there is none.
        warnings: of its pictures.
    """

    pair: Pair
    settings: Settings
    content_sha256: str | None
    style_sha256: str | None
    spec_hash: str
    task: Task | None
    control: Control | None = None
    content: Picture | None = None
    warnings: tuple[str, ...] = ()

    def finish(self, image: np.ndarray) -> Finished:
        """The samples of the pair's file, of what was made. Raises `ValueError` as `finish`."""
        coloured_image = made(image, self.content, self.settings) if self.control is None else image
        return finish(coloured_image, file_form(self.settings))

    def seen(self, levels: np.ndarray) -> np.ndarray:
        """A finished file as the network sees it: (H, W, 3) float32, levels 0-255."""
        return as_the_network_sees(levels, self.settings)


def file_form(settings: Settings) -> FileForm:
    """What the samples of a pair's file mean."""
    aperture = settings.aperture
    return FileForm(
        bit_depth=settings.bit_depth,
        transfer=settings.transfer_function,
        ramp=aperture.ramp if aperture else None,
        bake=aperture is not None and aperture.bake,
    )


def recipe(pair: Pair, pictures: Pictures, *, precision: str, weights_sha256: str) -> Recipe:
    """Fetch a pair's pictures and work out its task.

    Args:
        pair: from the manifest.
        pictures: the cache to fetch through.
        precision: what `auto` means in this run.
        weights_sha256: of the network's weights, hex.

    Raises:
        PairError, StoreError: as `Pictures.at`.
    """
    settings = pair.settings
    if settings.precision == "auto":
        settings = settings.model_copy(update={"precision": precision})
    longest = max(settings.size) if isinstance(settings.size, tuple) else settings.size
    how = (settings.resample, settings.fit, settings.crop)
    content = pictures.at(pair.content, settings.size, *how) if pair.content else None
    # an exact size neither squeezes nor crops a style
    style = pictures.at(pair.style, longest, settings.resample, crop=settings.crop) if pair.style else None
    content_sha256 = content.sha256 if content else None
    style_sha256 = style.sha256 if style else None
    canvas = content or style
    assert canvas is not None, "a pair has at least one picture"
    height, width, _ = canvas.pixels.shape
    geometry = settings.size if isinstance(settings.size, tuple) else (height, width)
    start = _start(pair, settings, geometry, pictures)
    name = spec_hash(
        content_sha256=content_sha256,
        style_sha256=style_sha256,
        settings=settings,
        weights_sha256=weights_sha256,
        algorithm_version=ALGORITHM_VERSION,
        init_sha256=start.sha256 if start is not None and settings.init_uri else None,
    )
    inputs = coloured(Inputs(content, style, start), settings)
    task = _task(name, settings, inputs, geometry) if settings.synthesised else None
    made_control = None if settings.synthesised else control(inputs, settings)
    told = [warning for picture in (content, style, start) if picture for warning in picture.warnings]
    return Recipe(
        pair,
        settings,
        content_sha256,
        style_sha256,
        name,
        task,
        made_control,
        content,
        tuple(dict.fromkeys(told)),
    )


def _start(pair: Pair, settings: Settings, geometry: tuple[int, int], pictures: Pictures) -> Picture | None:
    """The picture the optimisation starts from, at exactly the output's geometry; None for white noise."""
    if settings.init == "white_noise":
        return None
    uri = {"content": pair.content, "style": pair.style}.get(settings.init, settings.init)
    assert uri is not None, "the manifest refuses a start from a picture the pair does not have"
    return pictures.at(uri, geometry, settings.resample, settings.fit, settings.crop)


def _task(
    key: str,
    settings: Settings,
    inputs: Inputs,
    geometry: tuple[int, int],
) -> Task:
    content, style, start = inputs.content, inputs.style, inputs.start
    program = Program(
        height=geometry[0],
        width=geometry[1],
        content_layers=settings.content_layers if content else (),
        style_layers=settings.style_layer_names if style else (),
        pooling=settings.pooling,
        convention=settings.loss,
        optimizer=settings.optimizer,
        precision=_resolved(settings),
        normalised=settings.normalise_activations,
        grey=is_grey(settings),
    )
    init: Literal["white_noise"] | np.ndarray = "white_noise" if start is None else start.pixels
    return Task(
        key=key,
        program=program,
        content=content.pixels if content else None,
        style=style.pixels if style else None,
        content_key=content.key if content else "",
        style_key=style.key if style else "",
        alpha=settings.alpha,
        beta=settings.beta,
        style_weights=settings.style_weights if style else (),
        init=init,
        init_sigma=settings.init_sigma,
        seed=settings.seed,
        iterations=settings.iterations,
        tolerance=settings.tolerance,
        learning_rate=settings.learning_rate,
        snapshots=settings.snapshots,
    )


def _resolved(settings: Settings) -> Precision:
    assert settings.precision != "auto"
    return settings.precision
