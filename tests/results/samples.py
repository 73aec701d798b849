"""Rows and records as a run makes them, small; and stores that stumble where a network would."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from neckar.pipeline.storage.local import LocalStore
from neckar.pipeline.storage.store import Unavailable
from neckar.schemas.errors import ErrorCode
from neckar.schemas.results import ResultRow, Trace
from neckar.schemas.run import RunRecord

STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
START = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def trace(evaluations: int, layers: tuple[str, ...] = STYLE_LAYERS, seed: int = 0) -> Trace:
    columns = ("total", "content", "style", *layers)
    values = np.random.default_rng(seed).random((evaluations, len(columns)), dtype=np.float32)
    return Trace(columns, values * np.float32(1e8))


def ok_row(index: int, *, evaluations: int = 3, **changes: Any) -> ResultRow:
    values: dict[str, Any] = {
        "pair_index": index,
        "pair_id": f"pair-{index:05d}",
        "status": "ok",
        "levels": {"alpha": "0.001", "exemplar": str(index)},
        "content_uri": "s3://stimuli/neckarfront.jpg",
        "style_uri": "s3://stimuli/starry_night.jpg",
        "content_sha256": sha("content"),
        "style_sha256": sha("style"),
        "spec_hash": sha(f"spec {index}"),
        "image_uri": f"images/{sha(f'spec {index}')[:2]}/{sha(f'spec {index}')}.png",
        "height_px": 16,
        "width_px": 24,
        "alpha": 1e-3,
        "beta": 1.0,
        "content_layers": ("conv4_2",),
        "style_layers": STYLE_LAYERS,
        "style_weights": (0.2,) * 5,
        "init": "white_noise",
        "seed": index,
        "iterations": evaluations,
        "loss_total": 1000.0 - index,
        "loss_trace": trace(evaluations, seed=index),
        "started_at": START,
        "finished_at": START + timedelta(seconds=index),
    }
    return ResultRow(**(values | changes))


def failed_row(index: int, **changes: Any) -> ResultRow:
    values: dict[str, Any] = {
        "pair_index": index,
        "pair_id": f"pair-{index:05d}",
        "status": "failed",
        "error_code": ErrorCode.IMAGE_MISSING,
        "error_message": "images/absent.jpg: no such file; upload it",
    }
    return ResultRow(**(values | changes))


def run_record(pairs: int, **changes: Any) -> RunRecord:
    values: dict[str, Any] = {
        "name": "neckarfront",
        "manifest": {"name": "neckarfront", "settings": {"alpha": 0.001, "size": 256}, "pairs": []},
        "manifest_sha256": sha("manifest"),
        "manifest_uri": "/jobs/neckarfront.yaml",
        "base": "/jobs",
        "pairs": pairs,
        "pairs_sha256": None,
        "precision": "float32",
        "weights": "oxford",
        "weights_sha256": sha("weights"),
        "algorithm_version": 1,
        "neckar_version": "0.1.0",
        "created_at": START,
    }
    return RunRecord(**(values | changes))


def same(one: ResultRow, other: ResultRow) -> bool:
    """Equal in every field; traces bit by bit."""
    for name in ResultRow.__slots__:
        a, b = getattr(one, name), getattr(other, name)
        if isinstance(a, Trace) and isinstance(b, Trace):
            if a.columns != b.columns or a.values.dtype != b.values.dtype or a.values.tobytes() != b.values.tobytes():
                return False
        elif a != b and not (a != a and b != b):  # noqa: PLR0124  # NaN equals nothing but means the same
            return False
    return True


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


class Stumbling(LocalStore):
    """A folder whose next puts fail as told: "before" anything is written, or "after", the answer lost."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.stumbles: list[str] = []

    def put(self, key: str, data: bytes, **options: Any) -> str:
        stumble = self.stumbles.pop(0) if self.stumbles else ""
        if stumble == "before":
            raise Unavailable(f"{self.uri}/{key}", "no answer")
        etag = super().put(key, data, **options)
        if stumble == "after":
            raise Unavailable(f"{self.uri}/{key}", "no answer")
        return etag


class Watched(LocalStore):
    """A folder that counts what is read of it."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.bytes_read = 0

    def get(self, key: str, *, limit_bytes: int | None = None) -> bytes:
        data = super().get(key, limit_bytes=limit_bytes)
        self.bytes_read += len(data)
        return data

    def get_range(self, key: str, start: int, length: int) -> bytes:
        data = super().get_range(key, start, length)
        self.bytes_read += len(data)
        return data
