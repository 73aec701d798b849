"""The images of a design, and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from neckar.schemas.design import Design


@dataclass(frozen=True, slots=True)
class Item:
    """One image.

    Attributes:
        id: its level's name.
        uri: of its file, as given.
        attributes: what its table says of it, column to text; empty cells are left out.
    """

    id: str
    uri: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Items:
    """All images of a design.

    Attributes:
        content, style: those that meet; a design may lack one kind.
        external: pictures made elsewhere.
        sha256: of the tables that they come from, hex; None where there is none.
    """

    content: Sequence[Item] = ()
    style: Sequence[Item] = ()
    external: Sequence[Item] = ()
    sha256: str | None = None


def listed(design: Design) -> Items:
    """The images that a design lists itself."""

    def of(images: Mapping[str, str] | None) -> list[Item]:
        return [Item(name, uri) for name, uri in (images or {}).items()]

    return Items(of(design.content), of(design.style))


def attributes_of(content: Item | None, style: Item | None) -> dict[str, str]:
    """What is known of a pair's images: `content.category`, `style.license` and so on."""
    found: dict[str, str] = {}
    for side, item in (("content", content), ("style", style)):
        if item is not None:
            found |= {f"{side}.{name}": value for name, value in item.attributes.items()}
    return found
