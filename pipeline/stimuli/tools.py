"""The network set up for the second pass: one process, this machine's device."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from neckar.pipeline.messages.setup import WorkerSetup
from neckar.pipeline.results.reading import RunReader
from neckar.pipeline.stimuli.entries import Entry
from neckar.pipeline.stimuli.finishing import Tools
from neckar.pipeline.stimuli.likeness import Likeness
from neckar.pipeline.stimuli.thresholds import NULLS, check_percentiles
from neckar.pipeline.synthesis.engine.host import cores
from neckar.pipeline.synthesis.engine.synthesizer import Synthesizer
from neckar.pipeline.synthesis.task import Program
from neckar.pipeline.worker.pictures import Pictures
from neckar.pipeline.worker.recipe import Recipe, recipe
from neckar.schemas.errors import UserError
from neckar.schemas.finishing import Quality
from neckar.schemas.manifest import Manifest
from neckar.schemas.pair import Pair
from neckar.schemas.wording import validated


def set_up(reader: RunReader, found: Sequence[Entry], wanted: Quality | None) -> Tools:
    """The pass's tools for a run.

    Args:
        reader: the run; its weights and precision are used.
        found: its stimuli.
        wanted: thresholds, whose percentiles must not be finer than the set's images can tell.

    Raises:
        UserError: thresholds that cannot be judged, or weights that are not those of the run.
    """
    synthesised = [entry.pair for entry in found if entry.pair.settings.synthesised]
    contents = sorted({pair.content for pair in synthesised if pair.content is not None})
    styles = sorted({pair.style for pair in synthesised if pair.style is not None})
    if wanted is not None:
        check_percentiles(
            wanted, styles=min(NULLS, max(0, len(styles) - 1)), contents=min(NULLS, max(0, len(contents) - 1))
        )
    engine = _engine(reader)
    pictures = Pictures()

    def prepare(pair: Pair) -> Recipe:
        return recipe(pair, pictures, precision=reader.record.precision, weights_sha256=reader.record.weights_sha256)

    return Tools(Likeness(engine, prepare, contents, styles), prepare)


def gram_features(reader: RunReader) -> Callable[[np.ndarray], list[np.ndarray]]:
    """Gram matrices of the manifest's style layers, for a model observer. Raises `UserError` as `set_up`."""
    settings = validated(Manifest, reader.record.manifest).settings
    engine = _engine(reader)
    program = Program(
        0, 0, (), settings.style_layer_names, pooling=settings.pooling, normalised=settings.normalise_activations
    )

    def features(picture: np.ndarray) -> list[np.ndarray]:
        return list(engine.represent(program, picture).grams.values())

    return features


def _engine(reader: RunReader) -> Synthesizer:
    """With the run's weights, on this machine's device."""
    import torch  # noqa: PLC0415  # seconds, and not needed where the set is complete

    from neckar.pipeline.worker.engine_setup import synthesizer  # noqa: PLC0415

    ready = synthesizer(
        WorkerSetup(weights=reader.record.weights, gpu=torch.cuda.is_available(), slots=1, threads=cores())
    )
    if ready.weights_sha256 != reader.record.weights_sha256:
        told = "these weights are not those of the run; put its own back"
        raise UserError.at(f"weights: {reader.record.weights}", told)
    assert isinstance(ready.engine, Synthesizer)
    return ready.engine
