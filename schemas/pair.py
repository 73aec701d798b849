"""One pair, resolved: what a worker is asked to make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neckar.schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Pair:
    """A content/style pair with absolute URIs and its settings merged.

    Three kinds, one code path: both images (transfer), content only (`style is None`, beta = 0), style only
    (`content is None`, alpha = 0).

    Attributes:
        index: position in the manifest, from 0; the order of the finished set.
        pair_id: unique in the manifest, `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`.
        content: absolute URI, or None.
        style: absolute URI, or None.
        settings: the manifest's settings under the pair's own.
        levels: the named level of every factor; of listed pairs as far as they say, e.g. {"alpha": "0.001"}.
        extra: what else its row says, for the results; decides nothing.
    """

    index: int
    pair_id: str
    content: str | None
    style: str | None
    settings: Settings
    levels: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)
