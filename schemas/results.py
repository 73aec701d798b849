"""What a result is: one row a pair, with the unit and meaning of every column in the Arrow schema itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pyarrow as pa

from neckar.schemas.errors import ErrorCode
from neckar.schemas.layers import LAYER_NAMES
from neckar.schemas.status import Status

TRACE_COLUMNS: tuple[str, ...] = ("total", "content", "style")  # then one column per style layer in use


@dataclass(frozen=True, slots=True)
class Trace:
    """The losses at every evaluation of one optimisation.

    Attributes:
        columns: "total", "content", "style", then the style layers in use, in the network's order.
        values: float32 array (evaluations, len(columns)); a layer's column is its E_l, unweighted (eq. 4).
    """

    columns: tuple[str, ...]
    values: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One pair's result. Field order, names and types are those of `RESULTS_SCHEMA`; see there for units."""

    pair_index: int
    pair_id: str
    status: Status
    error_code: ErrorCode | None = None
    error_message: str | None = None
    attempts: int = 1
    levels: Mapping[str, str] = field(default_factory=dict)
    content_uri: str | None = None
    style_uri: str | None = None
    content_sha256: str | None = None
    style_sha256: str | None = None
    spec_hash: str | None = None
    image_uri: str | None = None
    image_sha256: str | None = None
    pixel_sha256: str | None = None
    height_px: int | None = None
    width_px: int | None = None
    alpha: float | None = None
    beta: float | None = None
    alpha_beta_ratio: float | None = None
    alpha_beta_ratio_pytorch: float | None = None
    loss_convention: str | None = None
    content_layers: tuple[str, ...] | None = None
    style_layers: tuple[str, ...] | None = None
    style_weights: tuple[float, ...] | None = None
    pooling: str | None = None
    init: str | None = None
    init_sigma: float | None = None
    resample: str | None = None
    normalise_activations: bool | None = None
    optimizer: str | None = None
    precision: str | None = None
    seed: int | None = None
    iterations: int | None = None
    stop_reason: str | None = None
    loss_total: float | None = None
    loss_content: float | None = None
    loss_style: float | None = None
    loss_total_png: float | None = None
    loss_content_png: float | None = None
    loss_style_png: float | None = None
    loss_trace: Trace | None = None
    device: str | None = None
    worker: str | None = None
    seconds: float | None = None
    torch_version: str | None = None
    neckar_version: str | None = None
    weights_sha256: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    node: str | None = None
    kernels: str | None = None
    fit: str | None = None
    warnings: tuple[str, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)
    crop: str | None = None
    color: str | None = None
    bit_depth: int | None = None
    transfer_function: str | None = None
    aperture: str | None = None
    condition: str | None = None
    scramble: str | None = None
    rescale_gain: float | None = None
    chroma_kept: float | None = None
    copy_uri: str | None = None
    copy_sha256: str | None = None
    lum_mean: float | None = None
    rms_contrast: float | None = None
    luma_mean: float | None = None
    luma_rms: float | None = None
    michelson: float | None = None
    lum_skew: float | None = None
    lum_kurtosis: float | None = None
    clip_low: float | None = None
    clip_high: float | None = None
    amp_slope: float | None = None
    orient_000: float | None = None
    orient_045: float | None = None
    orient_090: float | None = None
    orient_135: float | None = None


TRACE_TYPE = pa.list_(
    pa.struct(
        [
            pa.field("iteration", pa.int32(), nullable=False),
            *(pa.field(name, pa.float32()) for name in TRACE_COLUMNS),
            *(pa.field(name, pa.float32()) for name in LAYER_NAMES),
        ]
    )
)


def _column(name: str, kind: pa.DataType, meaning: str, *, unit: str = "", nullable: bool = True) -> pa.Field:
    metadata = {"meaning": meaning, **({"unit": unit} if unit else {})}
    return pa.field(name, kind, nullable=nullable, metadata=metadata)


_LOSS = "dimensionless, in the row's loss_convention"
_TIME = pa.timestamp("us", tz="UTC")

_SHARE = "share, 0-1"
_ON_THE_FILE = "of the decoded file, weighted by its aperture"


def _measured(name: str, meaning: str, unit: str = "") -> pa.Field:
    return _column(name, pa.float64(), f"{meaning}, {_ON_THE_FILE}", unit=unit)


PHOTOMETRY_COLUMNS = [
    _measured("lum_mean", "mean luminance, .2126 R + .7152 G + .0722 B of linear light", "relative luminance, 0-1"),
    _measured("rms_contrast", "standard deviation of luminance over its mean (divisor N)"),
    _measured("luma_mean", "mean luma, .299 R + .587 G + .114 B of the file's values", "luma, 0-1"),
    _measured("luma_rms", "standard deviation of luma over its mean (divisor N)"),
    _measured("michelson", "(p99 - p1) / (p99 + p1) of the percentiles of luminance"),
    _measured("lum_skew", "skewness of luminance"),
    _measured("lum_kurtosis", "kurtosis of luminance in excess of the normal's"),
    _measured("clip_low", "samples at 0", _SHARE),
    _measured("clip_high", "samples at full scale", _SHARE),
    _measured("amp_slope", "slope of log10 amplitude over log10 spatial frequency of luminance under a Hann window"),
    *(
        _measured(f"orient_{angle:03d}", f"power with a wave vector {angle} +- 22.5 degrees counterclockwise", _SHARE)
        for angle in (0, 45, 90, 135)
    ),
]

RESULTS_SCHEMA: pa.Schema = pa.schema(
    [
        _column("pair_index", pa.int64(), "position of the pair in the manifest, from 0", nullable=False),
        _column("pair_id", pa.string(), "name of the pair, unique in the manifest", nullable=False),
        _column("status", pa.string(), "ok, failed (its own error) or quarantined (killed its worker)", nullable=False),
        _column("error_code", pa.string(), "entry of Neckar's error vocabulary; null when ok"),
        _column("error_message", pa.string(), "one line with the place and the mend; null when ok"),
        _column("attempts", pa.int32(), "times the pair was handed to a worker", nullable=False),
        _column(
            "levels", pa.map_(pa.string(), pa.string()), "named level of every design factor; empty for listed pairs"
        ),
        _column("content_uri", pa.string(), "the photograph; null for style-only pairs"),
        _column("style_uri", pa.string(), "the artwork; null for content-only pairs"),
        _column("content_sha256", pa.string(), "sha256 of the photograph's file, hex"),
        _column("style_sha256", pa.string(), "sha256 of the artwork's file, hex"),
        _column(
            "spec_hash", pa.string(), "identity of the image: sha256 of inputs, settings, weights and algorithm version"
        ),
        _column("image_uri", pa.string(), "the PNG, relative to the run"),
        _column("image_sha256", pa.string(), "sha256 of the PNG file, hex"),
        _column("pixel_sha256", pa.string(), "sha256 of the decoded samples, row by row, hex"),
        _column("height_px", pa.int32(), "height of the image", unit="px"),
        _column("width_px", pa.int32(), "width of the image", unit="px"),
        _column("alpha", pa.float64(), "weight of the content loss (eq. 7)"),
        _column("beta", pa.float64(), "weight of the style loss (eq. 7)"),
        _column("alpha_beta_ratio", pa.float64(), "alpha/beta in the paper's convention, gatys2015"),
        _column(
            "alpha_beta_ratio_pytorch",
            pa.float64(),
            "the same balance as content weight over style weight in gatys_pytorch",
        ),
        _column(
            "loss_convention", pa.string(), "gatys2015 or gatys_pytorch: the convention of alpha, beta and all losses"
        ),
        _column("content_layers", pa.list_(pa.string()), "layers of the content loss"),
        _column("style_layers", pa.list_(pa.string()), "layers of the style loss"),
        _column("style_weights", pa.list_(pa.float64()), "w_l of each style layer (eq. 5)"),
        _column("pooling", pa.string(), "average or max"),
        _column("init", pa.string(), "start of the optimisation: white_noise, content, style or a URI"),
        _column("init_sigma", pa.float64(), "standard deviation of the white noise", unit="levels of 0-255"),
        _column("resample", pa.string(), "filter of the resize"),
        _column("normalise_activations", pa.bool_(), "filters rescaled to mean activation 1 (Gatys et al. 2016)"),
        _column("optimizer", pa.string(), "lbfgs or adam"),
        _column(
            "precision",
            pa.string(),
            "of the convolutions while the image was optimised; the losses of the result are float32's",
        ),
        _column("seed", pa.int64(), "seed of the white noise"),
        _column("iterations", pa.int32(), "evaluations of loss and gradient", unit="evaluations"),
        _column(
            "stop_reason", pa.string(), "iterations, tolerance, or the rung of the robustness ladder that ended it"
        ),
        _column("loss_total", pa.float64(), "alpha L_content + beta L_style (eq. 7) of the best iterate", unit=_LOSS),
        _column("loss_content", pa.float64(), "L_content (eq. 1), unweighted", unit=_LOSS),
        _column("loss_style", pa.float64(), "L_style (eq. 5), unweighted by beta", unit=_LOSS),
        _column(
            "loss_total_png",
            pa.float64(),
            "eq. 7 in float32 on the decoded 8-bit file: what an observer sees",
            unit=_LOSS,
        ),
        _column("loss_content_png", pa.float64(), "eq. 1 in float32 on the decoded 8-bit file", unit=_LOSS),
        _column("loss_style_png", pa.float64(), "eq. 5 in float32 on the decoded 8-bit file", unit=_LOSS),
        _column(
            "loss_trace",
            TRACE_TYPE,
            "losses at every evaluation, in the precision it was made in; a layer's column is its E_l (eq. 4)",
            unit=_LOSS,
        ),
        _column("device", pa.string(), "name of the device that computed it"),
        _column("worker", pa.string(), "name of the worker that computed it"),
        _column("seconds", pa.float64(), "time in a slot, from admission to the end of the optimisation", unit="s"),
        _column("torch_version", pa.string(), "version of torch"),
        _column("neckar_version", pa.string(), "version of Neckar"),
        _column("weights_sha256", pa.string(), "sha256 of the network's weights file, hex"),
        _column("started_at", _TIME, "admission to a slot", unit="UTC"),
        _column("finished_at", _TIME, "end of the optimisation", unit="UTC"),
        _column("node", pa.string(), "host name of the machine that made the image"),
        _column("kernels", pa.string(), "class of the kernels in C that its worker had, or torch: bits differ"),
        _column("fit", pa.string(), "crop, stretch or pad: of a picture of another aspect than the image's"),
        _column("warnings", pa.list_(pa.string()), "what was damaged or unusable in its pictures, beside whole pixels"),
        _column("extra", pa.map_(pa.string(), pa.string()), "what else the pair's row in the manifest says"),
        _column("crop", pa.string(), "none or center_square: of its pictures before they were resized"),
        _column("color", pa.string(), "rgb, gray, luminance, match_content or match_style"),
        _column("bit_depth", pa.int32(), "of the PNG", unit="bit"),
        _column("transfer_function", pa.string(), "srgb, or linear: levels proportional to light"),
        _column("aperture", pa.string(), "shape, ramp in px and whether it is baked in, as JSON; null without one"),
        _column("condition", pa.string(), "stylised, or the control that it is; layers behind an @"),
        _column("scramble", pa.string(), "space, range and weight of scrambled phases, as JSON; null without"),
        _column("rescale_gain", pa.float64(), "of the contrast, that kept a phase-scrambled picture in the gamut"),
        _column("chroma_kept", pa.float64(), "mean share of the colour that the gamut left at the new luminance"),
        _column("copy_uri", pa.string(), "the copy of 8 bits beside a PNG of 16, relative to the run"),
        _column("copy_sha256", pa.string(), "sha256 of that copy's file, hex"),
        *PHOTOMETRY_COLUMNS,
    ],
    metadata={"schema": "neckar.results", "schema_version": "1"},
)
