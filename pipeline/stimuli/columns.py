"""The table of a stimulus set: one row a stimulus, of the file that an observer sees."""

from __future__ import annotations

import pyarrow as pa

from neckar.pipeline.photometry.copies import SIDES
from neckar.schemas.layers import LAYER_NAMES
from neckar.schemas.results import PHOTOMETRY_COLUMNS

_TEXTS = pa.list_(pa.string())


def _column(name: str, kind: pa.DataType, meaning: str, unit: str = "", *, nullable: bool = True) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"meaning": meaning, **({"unit": unit} if unit else {})})


def _number(name: str, meaning: str, unit: str = "") -> pa.Field:
    return _column(name, pa.float64(), meaning, unit)


_Y = "relative luminance, 0-1"

SCHEMA: pa.Schema = pa.schema(
    [
        _column("pair_index", pa.int64(), "position in the manifest, from 0", nullable=False),
        _column("pair_id", pa.string(), "name of the pair", nullable=False),
        _column("condition", pa.string(), "stylised, or the control that it is"),
        _column("image_uri", pa.string(), "the PNG, relative to the run: matched, where the set is", nullable=False),
        _column("image_sha256", pa.string(), "sha256 of that file, hex"),
        _column("pixel_sha256", pa.string(), "sha256 of its samples, hex"),
        _column("copy_uri", pa.string(), "the copy of 8 bits beside a PNG of 16"),
        _column("copy_sha256", pa.string(), "sha256 of that copy's file, hex"),
        _column("unmatched_uri", pa.string(), "the PNG before matching; null where nothing was matched"),
        _column("match", pa.string(), "lum, hist, sf or spec; null where nothing was matched"),
        _column("match_group", pa.string(), "levels that the pictures matched with it share"),
        _number("match_mean_requested", "mean luminance that was asked for", _Y),
        _number("match_mean_achieved", "mean luminance of the decoded file", _Y),
        _number("match_deviation_requested", "standard deviation of luminance that was asked for", _Y),
        _number("match_deviation_achieved", "standard deviation of luminance of the decoded file", _Y),
        _number("match_error", "root mean square between wanted and achieved luminance, pixel by pixel", _Y),
        _column("match_forbidden_by", pa.string(), "what forbade more than .005; null where nothing did"),
        _number("chroma_kept", "mean share of the colour that the gamut left at the new luminance"),
        *PHOTOMETRY_COLUMNS,
        _number("loss_total", "eq. 7 in float32 on the decoded file", "in the row's loss_convention"),
        _number("loss_content", "eq. 1 likewise", "in the row's loss_convention"),
        _number("loss_style", "eq. 5 likewise", "in the row's loss_convention"),
        *(
            field
            for layer in LAYER_NAMES
            for field in (
                _number(f"gram_rel_err_{layer}", f"|G/M - A/M_a| / |A/M_a| in {layer} (Frobenius)"),
                _number(f"gram_rel_err_{layer}_null", "median of the same towards other styles of the set"),
                _number(f"gram_rel_err_{layer}_null_percentile", "share of those that are no larger", "%"),
            )
        ),
        _column("style_null_n", pa.int32(), "other styles that were compared with"),
        _number("content_pearson_r", "correlation of the content layers' activations with the content's"),
        _number("content_pearson_r_null", "median of the same with other contents of its geometry"),
        _number("content_pearson_r_null_percentile", "share of those that are no larger", "%"),
        _number("content_spearman_rho", "rank correlation of the same"),
        _number("content_spearman_rho_null", "median of the same with other contents of its geometry"),
        _number("content_spearman_rho_null_percentile", "share of those that are no larger", "%"),
        _column("content_null_n", pa.int32(), "other contents that were compared with"),
        _number("ssim_content", "structural similarity to the content, of luma"),
        _number("ms_ssim_content", "the same over five scales; null under 176 px"),
        *(
            field
            for side in SIDES
            for field in (
                _number(
                    f"max_ncc_style_{side}", f"best correlation of a crop of {side} px with any place of the style"
                ),
                _number(f"self_ncc_{side}", "the same of the style with itself, elsewhere"),
                _number(f"max_ncc_null_{side}", "the largest of the same with other styles of the set"),
            )
        ),
        _column("copies_style", pa.bool_(), "whether a crop is nearer to the style by .1 than both of these"),
        _column("phash", pa.string(), "64-bit perceptual hash, hex"),
        _column("near_duplicates", _TEXTS, "ids of stimuli whose hash differs in 4 bits or fewer"),
        _column("not_monotone", _TEXTS, "losses that go the wrong way by 5 % from a neighbour along alpha/beta"),
        _column("qc_pass", pa.bool_(), "whether it holds the manifest's thresholds; null where none applies"),
        _column("qc_failed", _TEXTS, "thresholds that it does not hold, with its values"),
    ],
    metadata={"schema": "neckar.stimuli", "schema_version": "1"},
)
