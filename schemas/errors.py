"""One vocabulary of failure, used alike in the result rows, the log, the exit codes and the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class ErrorCode(StrEnum):
    """Why a pair has no picture. Stands in `error_code` of its result row."""

    IMAGE_MISSING = "image_missing"  # no object at the URI
    IMAGE_UNREADABLE = "image_unreadable"  # an image by name, but truncated or corrupt
    IMAGE_UNSUPPORTED = "image_unsupported"  # not one of the formats Neckar decodes (SVG, text, ...)
    IMAGE_TOO_LARGE = "image_too_large"  # beyond the pixel limit against decompression bombs
    IMAGE_TOO_SMALL = "image_too_small"  # after resizing, a side shorter than the network can pool
    URI_FORBIDDEN = "uri_forbidden"  # a scheme or place this run may not read
    STORE_DENIED = "store_denied"  # credentials refused
    STORE_UNAVAILABLE = "store_unavailable"  # no answer, or only errors, after all retries
    STORE_FULL = "store_full"  # disk full or quota reached
    OUT_OF_MEMORY = "out_of_memory"  # does not fit even alone on the device
    NON_FINITE_LOSS = "non_finite_loss"  # the optimisation left the finite numbers on every rung of the ladder
    DEADLINE_EXCEEDED = "deadline_exceeded"  # over its time limit
    WORKER_DIED = "worker_died"  # the process died with this pair alone in it
    WORKER_SILENT = "worker_silent"  # the process missed its heartbeat with this pair alone in it
    INTERNAL = "internal"  # a defect of Neckar's own; the message carries the exception


@dataclass(frozen=True, slots=True)
class Mend:
    """What an error of a pair means, and what ends it."""

    meaning: str
    mend: str


MENDS = {
    ErrorCode.IMAGE_MISSING: Mend("There is no object at the picture's URI.", "Upload it, or correct the URI."),
    ErrorCode.IMAGE_UNREADABLE: Mend("The picture is cut off or corrupt.", "Upload it again, from a whole copy."),
    ErrorCode.IMAGE_UNSUPPORTED: Mend(
        "The file is none of the formats that are decoded.", "Convert it to PNG, JPEG, WebP or TIFF."
    ),
    ErrorCode.IMAGE_TOO_LARGE: Mend(
        "The picture has more pixels than the limit against decompression bombs.", "Make it smaller."
    ),
    ErrorCode.IMAGE_TOO_SMALL: Mend(
        "Resized, a side is shorter than the network can pool.", "Raise size, or leave out deep layers."
    ),
    ErrorCode.URI_FORBIDDEN: Mend(
        "The URI leads where this run may not read.", "Put the picture on the store, or start with --allow-local."
    ),
    ErrorCode.STORE_DENIED: Mend("The store refused the credentials.", "Give the role the rights, then run again."),
    ErrorCode.STORE_UNAVAILABLE: Mend("The store gave no answer, or only errors.", "Run again with --retry-failed."),
    ErrorCode.STORE_FULL: Mend("The disk is full, or the quota reached.", "Make room, then run with --retry-failed."),
    ErrorCode.OUT_OF_MEMORY: Mend(
        "The picture does not fit on the device, even alone.", "Lower size, or use a device with more memory."
    ),
    ErrorCode.NON_FINITE_LOSS: Mend(
        "The optimisation left the finite numbers in every way it was tried.",
        "Look at its settings: alpha, beta, init.",
    ),
    ErrorCode.DEADLINE_EXCEEDED: Mend("It took longer than its time limit.", "Raise --deadline, or ask for less."),
    ErrorCode.WORKER_DIED: Mend(
        "The worker died with this pair alone in it.", "Look at its message; run again with --retry-failed."
    ),
    ErrorCode.WORKER_SILENT: Mend(
        "The worker gave no sign of life with this pair alone in it.", "Raise --silence, or lower size."
    ),
    ErrorCode.INTERNAL: Mend("A defect of Neckar's own; the message has its place.", "Report it, with the message."),
}


class PairError(Exception):
    """A pair's own failure: it becomes a `failed` row, and the others go on.

    Args:
        code: the entry of the vocabulary.
        message: one line naming the place and the mend.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(code, message)  # both in args: the exception survives pickling between processes
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where it stands (`jobs.yaml: pairs[17].settings.pooling`) and what to do about it."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class UserError(Exception):
    """What the user can mend: printed line by line without a traceback, exit code 2.

    Args:
        problems: every mistake found, in the order of the input.
    """

    passing: ClassVar[bool] = False  # nothing to mend: the same command later

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(list(problems))
        self.problems = list(problems)

    @classmethod
    def at(cls, place: str, message: str) -> UserError:
        """The common case of a single mistake."""
        return cls([Problem(place, message)])

    def below(self, place: str, joint: str = ": ") -> UserError:
        """The same mistakes, each place led by `place`: a field path becomes `jobs.yaml: field.path`."""
        return UserError([Problem(f"{place}{joint}{p.place}" if p.place else place, p.message) for p in self.problems])

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)
