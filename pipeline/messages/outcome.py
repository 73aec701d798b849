"""What became of one pair on a worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neckar.schemas.errors import ErrorCode


@dataclass(frozen=True, slots=True)
class Outcome:
    """A pair that a worker is done with.

    Attributes:
        index: the pair's position in the manifest.
        code: None when its picture stands on the store, else why not.
        message: one line with the place and the mend; None when ok.
        unwritten: it was the output that failed, which is no fault of the pair.
    """

    index: int
    code: ErrorCode | None = None
    message: str | None = None
    unwritten: bool = False
