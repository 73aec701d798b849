"""The conditions of a stimulus set: what is synthesised, and the controls that are made of a picture as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from neckar.schemas.layers import LAYER_NAMES
from neckar.schemas.nearest import did_you_mean
from neckar.schemas.wording import refusal, shown


@dataclass(frozen=True, slots=True)
class Kind:
    """What a condition needs.

    Attributes:
        content, style: whether it is made of them.
        synthesised: whether the network makes it.
        layers: the setting that layers after an @ stand for; None where there are none.
    """

    content: bool
    style: bool
    synthesised: bool = False
    layers: str | None = None


CONDITIONS = {
    "stylised": Kind(content=True, style=True, synthesised=True),  # also of one picture, as a listed pair may be
    "congruent": Kind(content=True, style=True, synthesised=True),  # stylised, where a rule of the design excludes it
    "content_only": Kind(content=True, style=False, synthesised=True, layers="content_layers"),
    "style_only": Kind(content=False, style=True, synthesised=True, layers="style_layers"),
    "self_transfer": Kind(content=True, style=False, synthesised=True),  # the content is its own style
    "original": Kind(content=True, style=False),
    "original_at_scramble_gain": Kind(content=True, style=False),
    "luminance_matched_original": Kind(content=True, style=True),
    "noise": Kind(content=True, style=False),
    "phase_scrambled": Kind(content=True, style=False),
    "external": Kind(content=True, style=False),
}
DEFAULT = "stylised"
SELF_TRANSFER = "self_transfer"
LISTED = ("stylised", "congruent")  # of one image or two, as a pair may be


def kind_of(condition: str) -> Kind:
    """What a legal condition needs."""
    return CONDITIONS[condition.partition("@")[0]]


def layers_of(condition: str) -> tuple[str, ...]:
    """The layers a legal condition names, e.g. of `style_only@conv1_1+conv2_1`; none where it names none."""
    layers = condition.partition("@")[2]
    return tuple(layers.split("+")) if layers else ()


def _condition(value: Any) -> str:
    text = value if isinstance(value, str) else ""
    name, mark, layers = text.partition("@")
    if name not in CONDITIONS:
        raise refusal(f"{shown(value)} is not a condition{did_you_mean(name, tuple(CONDITIONS))}")
    if mark and CONDITIONS[name].layers is None:
        raise refusal(f"{shown(value)}: {name} has no layers; write {name}")
    named = layers.split("+") if mark else []
    for layer in named:
        if layer not in LAYER_NAMES:
            mend = did_you_mean(layer, LAYER_NAMES)
            raise refusal(f"{shown(value)}: {shown(layer)} is not a layer{mend}; join several by +")
    if len({*named}) < len(named):
        raise refusal(f"{shown(value)} names a layer twice")
    return "@".join([name, "+".join(sorted(named, key=LAYER_NAMES.index))]) if named else name


_ONE_LAYER = "|".join(LAYER_NAMES)
_WITH_LAYERS = "|".join(name for name, kind in CONDITIONS.items() if kind.layers)
_PATTERN = f"^({'|'.join(CONDITIONS)}|({_WITH_LAYERS})@({_ONE_LAYER})(\\+({_ONE_LAYER}))*)$"

Condition = Annotated[str, BeforeValidator(_condition), WithJsonSchema({"type": "string", "pattern": _PATTERN})]
