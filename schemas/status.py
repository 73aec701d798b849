"""How a pair ends, and how many ended how."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Status = Literal["ok", "failed", "quarantined"]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many pairs have which status."""

    ok: int = 0
    failed: int = 0
    quarantined: int = 0

    @property
    def settled(self) -> int:
        """Pairs that have a result."""
        return self.ok + self.failed + self.quarantined

    def plus(self, status: Status) -> Counts:
        """With one more pair."""
        return replace(self, **{status: getattr(self, status) + 1})
