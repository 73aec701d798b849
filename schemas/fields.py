"""The kinds of value a setting can have: what is accepted, how it is kept, how a mistake is told."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from neckar.schemas.layers import LAYER_NAMES
from neckar.schemas.nearest import did_you_mean
from neckar.schemas.wording import Steps, refusal, refusals, shown

SIZE_MIN_PX = 16  # conv5_1 lies behind four 2x2 pools: shorter sides vanish
SIZE_MAX_PX = 4096
ITERATIONS_MAX = 100_000
SNAPSHOTS_MAX = 100
STEP_MIN, STEP_MAX = 0.01, 255.0  # Adam's, levels of 0-255: less moves no pixel in 500 steps, more leaves the picture
SEED_MAX = 2**63 - 1  # an int64 column and torch's generator both end here

INIT_NAMES = ("white_noise", "content", "style")


def one_of(noun: str, names: tuple[str, ...], *, or_uri: bool = False) -> BeforeValidator:
    """Accepts the names; with `or_uri` also any text that is no misspelt name: with a slash, dot or colon."""

    def check(value: Any) -> Any:
        text = value if isinstance(value, str) else ""
        if text in names or (or_uri and any(mark in text for mark in "/.:")):
            return value
        raise refusal(f"{shown(value)} is not {noun}{did_you_mean(text, names)}")

    return BeforeValidator(check)


def _whole(value: Any) -> Any:
    """1e3 in YAML and 3.0 in a CSV or Parquet column with gaps are whole numbers too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _ascending(value: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(set(value)))


def _size(value: Any) -> Any:
    exact = isinstance(value, list | tuple) and len(value) == 2
    sides = tuple(_whole(side) for side in value) if exact else (_whole(value),)
    if not all(type(side) is int for side in sides):  # type, not isinstance: true is an int
        mend = "write the longest side in px, e.g. 256, or [height, width]"
        raise refusal(f"{shown(value)} is not a size; {mend}")
    if not all(SIZE_MIN_PX <= side <= SIZE_MAX_PX for side in sides):
        raise refusal(f"{shown(value)} is out of range; a side has {SIZE_MIN_PX} to {SIZE_MAX_PX} px")
    return sides if exact else sides[0]


def _layer_mistakes(layers: Iterable[tuple[int | str, Any]], form: str) -> list[tuple[Steps, str]]:
    """What is wrong with layers, each given with the step that leads to it: none, unknown, one twice."""
    mistakes: list[tuple[Steps, str]] = []
    seen: list[Any] = []
    for step, name in layers:
        if name not in LAYER_NAMES:
            mistakes.append(((step,), f"{shown(name)} is not a layer{did_you_mean(str(name), LAYER_NAMES)}"))
        elif name in seen:
            mistakes.append(((step,), f"{shown(name)} stands twice; name each layer once"))
        seen.append(name)
    return mistakes if seen else [((), f"no layer given; write {form}")]


def _layer_list(value: Any) -> tuple[str, ...]:
    """Layers in the network's order."""
    form = "a list of layers, e.g. [conv4_2]"
    if not isinstance(value, list | tuple):
        raise refusal(f"{shown(value)} is not a list; write {form}")
    if mistakes := _layer_mistakes(enumerate(value), form):
        raise refusals(mistakes)
    return tuple(sorted(value, key=LAYER_NAMES.index))


def _layer_weights(value: Any) -> dict[str, float]:
    """One shape for both forms: layer to w_l, in the network's order; a list means w_l = 1/n each."""
    if isinstance(value, list | tuple):
        names = _layer_list(value)
        return dict.fromkeys(names, 1.0 / len(names))
    form = "a list of layers, e.g. [conv1_1, conv2_1], or a mapping of layers to weights, e.g. {conv1_1: 0.5}"
    if not isinstance(value, Mapping):
        raise refusal(f"{shown(value)} is neither a list nor a mapping; write {form}")
    mistakes = _layer_mistakes(((str(name), name) for name in value), form)
    mistakes += [
        ((str(name),), f"{shown(weight)} is not a weight; write a positive number, or leave the layer out")
        for name, weight in value.items()
        if type(weight) not in {int, float} or not 0.0 < weight < math.inf
    ]
    if mistakes:
        raise refusals(mistakes)
    return {name: float(value[name]) for name in sorted(value, key=LAYER_NAMES.index)}


_LAYER_JSON = {"type": "string", "enum": list(LAYER_NAMES)}
_LAYER_LIST_JSON = {"type": "array", "items": _LAYER_JSON, "minItems": 1, "uniqueItems": True}
_LAYER_WEIGHTS_JSON = {
    "type": "object",
    "propertyNames": _LAYER_JSON,
    "additionalProperties": {"type": "number", "exclusiveMinimum": 0},
    "minProperties": 1,
}
_SIDE_JSON = {"type": "integer", "minimum": SIZE_MIN_PX, "maximum": SIZE_MAX_PX}
_SIDES_JSON = {"type": "array", "items": _SIDE_JSON, "minItems": 2, "maxItems": 2}

_Loss = Literal["gatys2015", "gatys_pytorch"]
_Pooling = Literal["average", "max"]
_Optimizer = Literal["lbfgs", "adam"]
ResolvedPrecision = Literal["float32", "tf32", "bfloat16"]
_Precision = Literal["auto", "float32", "tf32", "bfloat16"]
_Resample = Literal["lanczos", "bicubic", "bilinear"]
_Fit = Literal["crop", "stretch", "pad"]
_Crop = Literal["none", "center_square"]
_Color = Literal["rgb", "gray", "luminance", "match_content", "match_style"]
_TransferFunction = Literal["srgb", "linear"]

Loss = Annotated[_Loss, one_of("a loss convention", get_args(_Loss))]
Pooling = Annotated[_Pooling, one_of("a pooling", get_args(_Pooling))]
Optimizer = Annotated[_Optimizer, one_of("an optimiser", get_args(_Optimizer))]
Precision = Annotated[_Precision, one_of("a precision", get_args(_Precision))]
Resample = Annotated[_Resample, one_of("a resampling filter", get_args(_Resample))]
Fit = Annotated[_Fit, one_of("a fit", get_args(_Fit))]
Crop = Annotated[_Crop, one_of("a crop", get_args(_Crop))]
Color = Annotated[_Color, one_of("a way with colour", get_args(_Color))]
TransferFunction = Annotated[_TransferFunction, one_of("a transfer function", get_args(_TransferFunction))]
BitDepth = Annotated[Literal[8, 16], BeforeValidator(_whole)]
Init = Annotated[
    str,
    one_of("a start, nor the URI of an image", INIT_NAMES, or_uri=True),
    WithJsonSchema({"anyOf": [{"enum": list(INIT_NAMES)}, {"type": "string", "pattern": "[/.:]"}]}),
]
Size = Annotated[int | tuple[int, int], BeforeValidator(_size), WithJsonSchema({"anyOf": [_SIDE_JSON, _SIDES_JSON]})]
LayerList = Annotated[tuple[str, ...], BeforeValidator(_layer_list), WithJsonSchema(_LAYER_LIST_JSON)]
LayerWeights = Annotated[
    dict[str, float],
    BeforeValidator(_layer_weights),
    WithJsonSchema({"anyOf": [_LAYER_LIST_JSON, _LAYER_WEIGHTS_JSON]}),
]
Amount = Annotated[float, Field(strict=True, ge=0.0, allow_inf_nan=False)]
Step = Annotated[float, Field(strict=True, ge=STEP_MIN, le=STEP_MAX)]
Evaluations = Annotated[int, BeforeValidator(_whole), Field(strict=True, ge=1, le=ITERATIONS_MAX)]
Snapshots = Annotated[tuple[Evaluations, ...], Field(max_length=SNAPSHOTS_MAX), AfterValidator(_ascending)]
Seed = Annotated[int, BeforeValidator(_whole), Field(strict=True, ge=0, le=SEED_MAX)]
Flag = Annotated[bool, Field(strict=True)]
