"""What a result row says of its pair, and the whole row of a pair without a picture."""

from __future__ import annotations

from typing import Any

from neckar.schemas.errors import ErrorCode
from neckar.schemas.pair import Pair
from neckar.schemas.results import ResultRow
from neckar.schemas.settings import Settings
from neckar.schemas.status import Status


def row_without_picture(
    pair: Pair, status: Status, *, attempts: int, worker: str, code: ErrorCode | None, message: str | None
) -> ResultRow:
    """The row of a pair that failed or is quarantined.

    Args:
        pair: from the manifest.
        status: "failed" or "quarantined".
        attempts: times it was handed to a worker.
        worker: name of the last one.
        code: why there is no picture.
        message: one line with the place and the mend.
    """
    return ResultRow(
        **pair_columns(pair),
        **setting_columns(pair.settings, pair),
        status=status,
        error_code=code,
        error_message=message,
        attempts=attempts,
        worker=worker,
    )


def pair_columns(pair: Pair) -> dict[str, Any]:
    """Which pair it is."""
    return {
        "pair_index": pair.index,
        "pair_id": pair.pair_id,
        "levels": dict(pair.levels),
        "extra": dict(pair.extra),
        "content_uri": pair.content,
        "style_uri": pair.style,
    }


def setting_columns(settings: Settings, pair: Pair) -> dict[str, Any]:
    """The settings as columns; those of the network are null of a control, which it does not make."""
    scramble = settings.condition in {"phase_scrambled", "original_at_scramble_gain"}
    return {
        **(_network_columns(settings, pair) if settings.synthesised else {}),
        "condition": settings.condition,
        "scramble": settings.scramble.model_dump_json() if scramble else None,
        "resample": settings.resample,
        "fit": settings.fit,
        "crop": settings.crop,
        "color": settings.color,
        "bit_depth": settings.bit_depth,
        "transfer_function": settings.transfer_function,
        "aperture": settings.aperture.model_dump_json() if settings.aperture else None,
        "seed": settings.seed,
    }


def _network_columns(settings: Settings, pair: Pair) -> dict[str, Any]:
    """Layers of a picture that the pair does not have are no part of it."""
    return {
        "alpha": settings.alpha,
        "beta": settings.beta,
        "loss_convention": settings.loss,
        "content_layers": settings.content_layers if pair.content else (),
        "style_layers": settings.style_layer_names if pair.style else (),
        "style_weights": settings.style_weights if pair.style else (),
        "pooling": settings.pooling,
        "init": settings.init,
        "init_sigma": settings.init_sigma,
        "normalise_activations": settings.normalise_activations,
        "optimizer": settings.optimizer,
        "precision": settings.precision,
    }
