"""How an image is made: the settings of one pair, with the paper's values as defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from neckar.schemas.aperture import ApertureOrNone
from neckar.schemas.condition import DEFAULT, Condition, kind_of
from neckar.schemas.errors import UserError
from neckar.schemas.fields import (
    INIT_NAMES,
    Amount,
    BitDepth,
    Color,
    Crop,
    Evaluations,
    Fit,
    Flag,
    Init,
    LayerList,
    LayerWeights,
    Loss,
    Optimizer,
    Pooling,
    Precision,
    Resample,
    Seed,
    Size,
    Snapshots,
    Step,
    TransferFunction,
)
from neckar.schemas.scramble import Scramble, ScrambleSetting
from neckar.schemas.wording import refusal, validated

NOTHING_TO_COMPUTE = "alpha and beta are both 0: there is nothing to compute; make one of them positive"

_LATER = (
    "fit",
    "crop",
    "color",
    "bit_depth",
    "transfer_function",
    "aperture",
    "condition",
    "scramble",
)  # than algorithm version 8; see `canonical`

_PAPERS_STYLE_LAYERS = dict.fromkeys(("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"), 0.2)


class Settings(BaseModel):
    """The settings of one pair. Every field has a default; a manifest or a pair names those it changes.

    Raises `pydantic.ValidationError` when built from bad values; `merged` raises `UserError` instead.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: Size = Field(
        256,
        description="Longest side in px, aspect kept; or exactly [height, width], as `fit` says. A style's longest side"
        " is that of the result.",
    )
    resample: Resample = Field(
        "lanczos", description="Filter of the resize of content and style, antialiased, on decoded sRGB."
    )
    fit: Fit = Field(
        "crop",
        description="Of the content, and of a picture to start from, where the aspect is another than the result's:"
        " crop to the middle, stretch, or pad with mid-grey. The style keeps its aspect.",
    )
    crop: Crop = Field(
        "none", description="Of every picture before it is resized: none, or center_square, the square in its middle."
    )
    color: Color = Field(
        "rgb",
        description="rgb; gray: everything in luma, .299 R + .587 G + .114 B; luminance: the luma is stylised and the"
        " content keeps its colours; match_content: the style in the content's colours (mean and covariance);"
        " match_style: the content in the style's.",
    )
    content_layers: LayerList = Field(("conv4_2",), description="Layers of the content loss (eq. 1).")
    style_layers: LayerWeights = Field(
        default_factory=lambda: _PAPERS_STYLE_LAYERS,  # a plain default would be copied for each of a million pairs
        json_schema_extra={"default": list(_PAPERS_STYLE_LAYERS)},
        description="Layers of the style loss (eq. 5): a list (w_l = 1/n) or a mapping of layers to w_l.",
    )
    alpha: Amount = Field(1e-3, description="Weight of the content loss (eq. 7).")
    beta: Amount = Field(1.0, description="Weight of the style loss (eq. 7).")
    loss: Loss = Field(
        "gatys2015",
        description="Convention of alpha, beta and the losses: the paper's, or the author's later code's.",
    )
    pooling: Pooling = Field("average", description="Pooling of the network; the paper's is average.")
    init: Init = Field(
        "white_noise", description="Start of the optimisation: white_noise, content, style or an image's URI."
    )
    init_sigma: Amount = Field(
        1.0,
        description="Standard deviation of the white noise, levels of 0-255. The network is blind to part of it: much"
        " noise stays in the picture.",
    )
    optimizer: Optimizer = Field("lbfgs", description="lbfgs (the paper's) or adam.")
    learning_rate: Step = Field(
        5.0, description="Step of Adam, levels of 0-255, from 0.01 to 255; L-BFGS finds its own."
    )
    iterations: Evaluations = Field(500, description="Evaluations of loss and gradient, at most.")
    tolerance: Amount = Field(
        0.0, description="Relative change of the loss over 20 evaluations at which to stop; 0 runs them all."
    )
    precision: Precision = Field(
        "auto",
        description="Of the convolutions: float32, tf32 (its products of 10 bits on an NVIDIA GPU) or bfloat16; all are"
        " judged in float32. auto is the fastest that is kept in a record: it is resolved once per run.",
    )
    seed: Seed = Field(0, description="Seed of the white noise.")
    normalise_activations: Flag = Field(
        False, description="Rescale the filters to mean activation 1 over fixed images (Gatys et al. 2016)."
    )
    snapshots: Snapshots = Field(
        (),
        description="Evaluations whose pictures are kept beside the result, e.g. [1, 10, 50, 100, 500], for a film."
        " They change no pixel of it; a result that stands already is not made again for them.",
    )

    bit_depth: BitDepth = Field(8, description="Of the file: 8, or 16 with a copy of 8 bits beside it.")
    transfer_function: TransferFunction = Field(
        "srgb", description="Of the file: srgb, or linear, whose levels are proportional to light."
    )
    aperture: ApertureOrNone = Field(
        None, description="Window over the finished picture: none, circle, or {ramp: px, bake: true}."
    )

    condition: Condition = Field(
        DEFAULT,
        description="stylised; content_only@LAYER, style_only@LAYER+LAYER, self_transfer; and the controls that no"
        " network makes: original, original_at_scramble_gain, luminance_matched_original, noise, phase_scrambled,"
        " external.",
    )
    scramble: ScrambleSetting = Field(Scramble(), description="How phases are scrambled: space, range, weight.")

    @model_validator(mode="after")
    def _something_to_minimise(self) -> Settings:
        if self.alpha == 0.0 and self.beta == 0.0:
            raise refusal(NOTHING_TO_COMPUTE)
        return self

    def __hash__(self) -> int:
        return hash((self.size, self.style_layer_names, self.alpha, self.beta, self.seed))

    @property
    def init_uri(self) -> str | None:
        """The image to start from, where `init` is a URI."""
        return None if self.init in INIT_NAMES else self.init

    @property
    def synthesised(self) -> bool:
        """Whether the network makes the picture."""
        return kind_of(self.condition).synthesised

    @property
    def style_layer_names(self) -> tuple[str, ...]:
        """The style layers in the network's order."""
        return tuple(self.style_layers)

    @property
    def style_weights(self) -> tuple[float, ...]:
        """w_l of each of `style_layer_names` (eq. 5)."""
        return tuple(self.style_layers.values())

    def canonical(self) -> dict[str, Any]:
        """Every setting as JSON types; equal exactly when the settings mean the same.

        Those that came after algorithm version 8 are left out at their default: a new setting remakes no picture.
        """
        values = self.model_dump(mode="json")
        del values["snapshots"]  # beside the result, of which they change nothing
        for name in _LATER:
            if getattr(self, name) == Settings.model_fields[name].default:
                del values[name]
        if self.synthesised:  # their names say what the pair and its layers say
            values.pop("condition", None)
            values.pop("scramble", None)
        # -0.0 means 0.0 but reads otherwise
        return {name: value + 0.0 if type(value) is float else value for name, value in values.items()}

    def merged(self, overrides: Mapping[str, Any] | Settings) -> Settings:
        """These settings under `overrides`; of a `Settings`, what was set when it was made.

        Raises:
            UserError: the field as place, e.g. `pooling`; empty for an unknown key and where fields conflict.
        """
        # these alone: a manifest may hold a million overrides
        changes = overrides if isinstance(overrides, Settings) else validated(Settings, overrides)
        settings = self.model_copy(update={name: getattr(changes, name) for name in changes.model_fields_set})
        if settings.alpha == 0.0 and settings.beta == 0.0:
            raise UserError.at("", NOTHING_TO_COMPUTE)
        return settings
