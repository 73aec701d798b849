"""A model observer: what somebody would answer who saw nothing but pixels, or nothing but Gram matrices."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neckar.pipeline.trials.stimulus import Crop, Trial

Kind = Literal["gram", "pixel"]
CACHE_BYTES = 512 << 20

Features = Callable[[np.ndarray], list[np.ndarray]]  # of a picture (H, W, 3), levels 0-255


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Of one cell.

    Attributes:
        cell, kind: of the trials.
        trials: with a right answer.
        right: answered so by the observer.
    """

    cell: str
    kind: str
    trials: int
    right: int


class Observer:
    """Answers trials by distances between pictures.

    Args:
        picture: the pixels of a stimulus by id, (H, W, 3), levels 0-255.
        features: what is compared; a list of arrays, each of equal weight.
    """

    def __init__(self, picture: Callable[[str], np.ndarray], features: Features) -> None:
        self._picture = picture
        self._features = features
        self._held: OrderedDict[tuple[str, Crop | None], list[np.ndarray]] = OrderedDict()
        self._bytes = 0

    def answer(self, trial: Trial) -> int:
        """The place, from 1, that it chooses; 0 where there is nothing to choose."""
        seen = [self._seen(name, trial.crops[i] if trial.crops else None) for i, name in enumerate(trial.stimuli)]
        if trial.task == "oddity":
            summed = [sum(distance(one, other) for other in seen) for one in seen]
            return int(np.argmax(summed)) + 1
        if trial.task == "match_to_sample":
            first, second, sample = seen
            return 1 if distance(first, sample) <= distance(second, sample) else 2
        if trial.task == "triads":
            return 1 if distance(seen[0], seen[1]) >= distance(seen[1], seen[2]) else 2
        if trial.task == "quads":
            return 1 if distance(seen[0], seen[1]) >= distance(seen[2], seen[3]) else 2
        return 0

    def _seen(self, name: str, crop: Crop | None) -> list[np.ndarray]:
        key = (name, crop)
        if key not in self._held:
            picture = self._picture(name)
            if crop is not None:
                picture = picture[crop.top : crop.top + crop.side, crop.left : crop.left + crop.side]
            self._held[key] = self._features(picture)
            self._bytes += sum(one.nbytes for one in self._held[key])
            while self._bytes > CACHE_BYTES and len(self._held) > 1:
                _, gone = self._held.popitem(last=False)
                self._bytes -= sum(one.nbytes for one in gone)
        self._held.move_to_end(key)
        return self._held[key]


def pixels(picture: np.ndarray) -> list[np.ndarray]:
    """The picture itself."""
    return [picture.astype(np.float32)]


def distance(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    """Sum over the features of |a - b| / (|a| + |b|), Euclidean: every layer counts alike. 0 to their number."""
    total = 0.0
    for one, other in zip(a, b, strict=True):
        norm = float(np.linalg.norm(one)) + float(np.linalg.norm(other))
        total += float(np.linalg.norm(one - other)) / norm if norm > 0.0 else 0.0
    return total


def accuracies(answered: Iterable[tuple[Trial, int]]) -> list[Accuracy]:
    """By cell and kind, of the trials that have a right answer."""
    trials: Counter[tuple[str, str]] = Counter()
    right: defaultdict[tuple[str, str], int] = defaultdict(int)
    for trial, choice in answered:
        if trial.answer:
            trials[trial.cell, trial.kind] += 1
            right[trial.cell, trial.kind] += choice == trial.answer
    return [Accuracy(*key, count, right[key]) for key, count in sorted(trials.items())]
