"""How an image is made: the settings of one pair, with the paper's values as defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from schemas.errors import UserError
from schemas.layers import LAYER_NAMES
from schemas.nearest import did_you_mean
from schemas.wording import shown, validated

SIZE_MIN_PX = 16  # conv5_1 lies behind four 2x2 pools: shorter sides vanish
SIZE_MAX_PX = 4096
ITERATIONS_MAX = 100_000
SEED_MAX = 2**63 - 1  # an int64 column and torch's generator both end here

NOTHING_TO_COMPUTE = "alpha and beta are both 0: there is nothing to compute; make one of them positive"

INIT_NAMES = ("white_noise", "content", "style")


def refusal(message: str) -> PydanticCustomError:
    """A validation error whose wording is already ours (braces and all)."""
    return PydanticCustomError("neckar", "{message}", {"message": message})


def is_path(text: str) -> bool:
    """Whether a text can be meant as a URI or a path rather than as a (misspelt) name."""
    return any(mark in text for mark in "/.:")


def _named(noun: str, valid: tuple[str, ...]) -> BeforeValidator:
    def check(value: Any) -> Any:
        if value not in valid:
            text = value if isinstance(value, str) else ""
            raise refusal(f"{shown(value)} is not {noun}{did_you_mean(text, valid)}")
        return value

    return BeforeValidator(check)


def _whole(value: Any) -> Any:
    """1e3 in YAML and 3.0 in a CSV or Parquet column with gaps are whole numbers too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _size(value: Any) -> Any:
    exact = isinstance(value, list | tuple) and len(value) == 2
    sides = tuple(_whole(side) for side in value) if exact else (_whole(value),)
    if not all(type(side) is int for side in sides):  # type, not isinstance: true is an int
        mend = "write the longest side in px, e.g. 256, or [height, width]"
        raise refusal(f"{shown(value)} is not a size; {mend}")
    if not all(SIZE_MIN_PX <= side <= SIZE_MAX_PX for side in sides):
        raise refusal(f"{shown(value)} is out of range; a side has {SIZE_MIN_PX} to {SIZE_MAX_PX} px")
    return sides if exact else sides[0]


def _layers(value: Any, form: str) -> list[str]:
    """The layer names in `value`, in the network's order; refused unless non-empty, known and distinct."""
    names = list(value)
    if not names:
        raise refusal(f"no layer given; write {form}")
    for name in names:
        if name not in LAYER_NAMES:
            raise refusal(f"{shown(name)} is not a layer{did_you_mean(str(name), LAYER_NAMES)}")
        if names.count(name) > 1:
            raise refusal(f"{shown(name)} stands twice; name each layer once")
    return sorted(names, key=LAYER_NAMES.index)


def _content_layers(value: Any) -> Any:
    form = "a list of layers, e.g. [conv4_2]"
    if not isinstance(value, list | tuple):
        raise refusal(f"{shown(value)} is not a list; write {form}")
    return tuple(_layers(value, form))


def _style_layers(value: Any) -> Any:
    """One shape for both forms: layer -> w_l, in the network's order; a list means w_l = 1/n each."""
    form = "a list of layers, e.g. [conv1_1, conv2_1], or a mapping of layers to weights, e.g. {conv1_1: 0.5}"
    if isinstance(value, list | tuple):
        return {name: 1.0 / len(value) for name in _layers(value, form)}
    if not isinstance(value, Mapping):
        raise refusal(f"{shown(value)} is neither a list nor a mapping; write {form}")
    for name, weight in value.items():
        if type(weight) not in {int, float} or not 0.0 < weight < float("inf"):
            mend = "write a positive number, or leave the layer out"
            raise refusal(f"{shown(weight)} is not a weight of {shown(name)}; {mend}")
    return {name: float(value[name]) for name in _layers(value, form)}


def _init(value: Any) -> Any:
    if not isinstance(value, str) or (value not in INIT_NAMES and not is_path(value)):
        text = value if isinstance(value, str) else ""
        mend = did_you_mean(text, INIT_NAMES)
        raise refusal(f"{shown(value)} is neither a start nor the URI of an image{mend}")
    return value


LossConvention = Literal["gatys2015", "gatys_pytorch"]
Pooling = Literal["average", "max"]
Optimizer = Literal["lbfgs", "adam"]
Precision = Literal["auto", "float32", "bfloat16"]
Resample = Literal["lanczos", "bicubic", "bilinear"]

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
_INIT_JSON = {"anyOf": [{"enum": list(INIT_NAMES)}, {"type": "string", "format": "uri-reference"}]}

Size = Annotated[
    int | tuple[int, int], BeforeValidator(_size), WithJsonSchema({"anyOf": [_SIDE_JSON, _SIDES_JSON]})
]
ContentLayers = Annotated[tuple[str, ...], BeforeValidator(_content_layers), WithJsonSchema(_LAYER_LIST_JSON)]
StyleLayers = Annotated[
    dict[str, float],
    BeforeValidator(_style_layers),
    WithJsonSchema({"anyOf": [_LAYER_LIST_JSON, _LAYER_WEIGHTS_JSON]}),
]
Init = Annotated[str, BeforeValidator(_init), WithJsonSchema(_INIT_JSON)]
Amount = Annotated[float, Field(strict=True, ge=0.0, allow_inf_nan=False)]
Whole = Annotated[int, BeforeValidator(_whole), Field(strict=True)]

_DEFAULT_STYLE_LAYERS = _style_layers(["conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"])


class Settings(BaseModel):
    """The settings of one pair. Every field has a default; a manifest or a pair names those it changes.

    Raises `pydantic.ValidationError` when built from bad values; `merged` raises `UserError` instead.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: Size = Field(256, description="Longest side in px, aspect kept; or exactly [height, width].")
    resample: Annotated[Resample, _named("a resampling filter", get_args(Resample))] = Field(
        "lanczos", description="Filter of the resize of content and style, antialiased, on decoded sRGB."
    )
    content_layers: ContentLayers = Field(("conv4_2",), description="Layers of the content loss (eq. 1).")
    style_layers: StyleLayers = Field(
        _DEFAULT_STYLE_LAYERS,
        description="Layers of the style loss (eq. 5): a list (w_l = 1/n each) or a mapping of layers to w_l.",
    )
    alpha: Amount = Field(1e-3, description="Weight of the content loss (eq. 7).")
    beta: Amount = Field(1.0, description="Weight of the style loss (eq. 7).")
    loss: Annotated[LossConvention, _named("a loss convention", get_args(LossConvention))] = Field(
        "gatys2015",
        description="Convention of alpha, beta and the losses: the paper's, or the author's later code's.",
    )
    pooling: Annotated[Pooling, _named("a pooling", get_args(Pooling))] = Field(
        "average", description="Pooling of the network; the paper's is average."
    )
    init: Init = Field(
        "white_noise",
        description="Start of the optimisation: white_noise, content, style, or the URI of an image.",
    )
    init_sigma: Amount = Field(50.0, description="Standard deviation of the white noise, levels of 0-255.")
    optimizer: Annotated[Optimizer, _named("an optimiser", get_args(Optimizer))] = Field(
        "lbfgs", description="lbfgs, or adam."
    )
    learning_rate: Annotated[float, Field(strict=True, gt=0.0, allow_inf_nan=False)] = Field(
        5.0, description="Step of Adam, in levels of 0-255; L-BFGS finds its own."
    )
    iterations: Annotated[Whole, Field(ge=1, le=ITERATIONS_MAX)] = Field(
        500, description="Evaluations of loss and gradient, at most."
    )
    tolerance: Amount = Field(
        0.0, description="Relative change of the loss over 20 evaluations at which to stop; 0 runs them all."
    )
    precision: Annotated[Precision, _named("a precision", get_args(Precision))] = Field(
        "auto", description="Of the convolutions; auto is resolved once per run and recorded."
    )
    seed: Annotated[Whole, Field(ge=0, le=SEED_MAX)] = Field(0, description="Seed of the white noise.")
    normalise_activations: Annotated[bool, Field(strict=True)] = Field(
        False, description="Rescale the filters to mean activation 1 over fixed images (Gatys 2016)."
    )

    @model_validator(mode="after")
    def _something_to_minimise(self) -> Settings:
        if self.alpha == 0.0 and self.beta == 0.0:
            raise refusal(NOTHING_TO_COMPUTE)
        return self

    def __hash__(self) -> int:
        return hash((self.size, self.style_layer_names, self.alpha, self.beta, self.seed))

    @property
    def style_layer_names(self) -> tuple[str, ...]:
        """The style layers in the network's order."""
        return tuple(self.style_layers)

    @property
    def style_weights(self) -> tuple[float, ...]:
        """w_l of each of `style_layer_names` (eq. 5)."""
        return tuple(self.style_layers.values())

    def canonical(self) -> dict[str, Any]:
        """Every setting as JSON types, defaults included; equal exactly when the settings mean the same."""
        values = self.model_dump(mode="json")
        # -0.0 means 0.0 but reads otherwise
        return {name: value + 0.0 if type(value) is float else value for name, value in values.items()}

    def merged(self, overrides: Mapping[str, Any]) -> Settings:
        """These settings under `overrides`.

        Raises:
            UserError: the field as place, e.g. `pooling`; empty for an unknown key and where fields conflict.
        """
        changes = validated(Settings, overrides)  # these alone: a manifest may hold a million overrides
        settings = self.model_copy(update={name: getattr(changes, name) for name in changes.model_fields_set})
        if settings.alpha == 0.0 and settings.beta == 0.0:
            raise UserError.at("", NOTHING_TO_COMPUTE)
        return settings
