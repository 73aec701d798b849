"""What is handed over: every stimulus with its label, licence and columns, or the reason why it is not."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from neckar.pipeline.stimuli.final import FinalSet
from neckar.schemas.errors import Problem, UserError
from neckar.schemas.identifier import digest
from neckar.schemas.pair import Pair

_ILLEGAL = re.compile(r"[^0-9a-zA-Z]+")
LABEL_MAX = 100  # a file's name has at most 255 bytes, and BIDS adds its own to it
_PHOTOMETRY = (
    "lum_mean", "rms_contrast", "luma_mean", "luma_rms", "michelson", "lum_skew", "lum_kurtosis", "clip_low",
    "clip_high", "amp_slope", "orient_000", "orient_045", "orient_090", "orient_135",
)  # fmt: skip
_MADE = (
    "alpha", "beta", "alpha_beta_ratio", "loss_convention", "content_layers", "style_layers", "pooling", "init",
    "optimizer", "iterations", "seed", "height_px", "width_px", "color", "bit_depth", "transfer_function",
    "rescale_gain", "chroma_kept", "spec_hash",
)  # fmt: skip
_JUDGED = (
    "match", "match_mean_requested", "match_mean_achieved", "match_deviation_requested", "match_deviation_achieved",
    "match_forbidden_by", "content_pearson_r", "content_pearson_r_null", "content_spearman_rho", "ssim_content",
    "ms_ssim_content", "copies_style", "qc_pass",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """One stimulus of a release.

    Attributes:
        pair: from the manifest.
        label: of letters, digits and +, unique in the set.
        key: of its file in the run.
        columns: everything that travels, name to value; None is nothing.
        license: SPDX expression of what it is made of, or None where no table tells it.
        copyright, url: likewise.
        present: whether its file is handed over: sources may forbid it.
        waiver: why it is handed over though it fails; None where it does not.
    """

    pair: Pair
    label: str
    key: str
    columns: Mapping[str, Any]
    license: str | None
    copyright: str | None
    url: str | None
    present: bool
    waiver: str | None = None

    @property
    def id(self) -> str:
        """`stim-<label>`."""
        return f"stim-{self.label}"

    @property
    def filename(self) -> str:
        """`stim-<label>_image.png`."""
        return f"{self.id}_image.png"


@dataclass(frozen=True, slots=True)
class Waivers:
    """Stimuli that may be handed over, or left out, though they fail: each with its reason.

    Attributes:
        reasons: by pair id.
    """

    reasons: Mapping[str, str] = field(default_factory=dict)


def read_waivers(data: bytes, name: str) -> Waivers:
    """A table of the columns pair_id and reason, tab-separated.

    Raises:
        UserError: every mistake in it.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(data.decode("utf-8-sig")), delimiter="\t") if any(row)]
    except UnicodeDecodeError:
        raise UserError.at(name, "not UTF-8 text; save the file as UTF-8") from None
    if not rows or rows[0] != ["pair_id", "reason"]:
        raise UserError.at(
            name, "not a table of waivers; its first line is pair_id and reason, with a tab between them"
        )
    problems, reasons = [], {}
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != 2 or not row[1].strip():
            problems.append(Problem(f"{name}: row {number}", "a waiver has a pair_id and a reason; write both"))
        elif row[0] in reasons:
            problems.append(Problem(f"{name}: row {number}", f"{row[0]!r} is waived twice; leave one out"))
        else:
            reasons[row[0]] = row[1].strip()
    if problems:
        raise UserError(problems)
    return Waivers(reasons)


def items_of(found: FinalSet, waivers: Waivers) -> list[Item]:
    """Every stimulus, sorted by label.

    Raises:
        UserError: the set is not judged, or pairs have no picture, or fail, and nobody has waived it; a waiver for
            nothing.
    """
    _check(found, waivers)
    labels = labels_of([pair.pair_id for pair in found.pairs])
    names = levels_of(found.pairs)
    items = []
    for pair in found.pairs:
        row = found.results[pair.pair_id]
        if row["status"] == "ok":
            items.append(_item(found, pair, labels[pair.pair_id], names, waivers))
    return sorted(items, key=lambda item: item.label)


def labels_of(ids: Sequence[str]) -> dict[str, str]:
    """Letters, digits and + of each id, told apart by a digest where two become one."""
    labels: dict[str, str] = {}
    taken: dict[str, str] = {}
    for name in sorted(ids):
        label = _ILLEGAL.sub("+", name).strip("+") or "stimulus"
        if len(label) > LABEL_MAX or label.lower() in taken:  # some file systems know no capitals
            label = f"{label[: LABEL_MAX - 13].rstrip('+')}+{digest(name)}"
        taken[label.lower()] = name
        labels[name] = label
    return labels


def levels_of(pairs: Sequence[Pair]) -> list[str]:
    """Names of all factors, in the order in which they come."""
    return list(dict.fromkeys(name for pair in pairs for name in pair.levels))


def _check(found: FinalSet, waivers: Waivers) -> None:
    where = found.reader.store.uri
    if found.version is None:
        mend = "add qc: {} to the manifest and say neckar run again"
        raise UserError.at(where, f"nobody has judged this set, so it is not handed over; {mend}")
    problems = []
    for pair in found.pairs:
        row, judged = found.results[pair.pair_id], found.rows.get(pair.pair_id)
        if pair.pair_id in waivers.reasons:
            continue
        mend = "mend it, or waive it in writing (--waivers FILE: pair_id, reason)"
        if row["status"] != "ok":
            problems.append(Problem(pair.pair_id, f"has no picture ({row['error_code']}); {mend}"))
        elif judged is None:
            mend = "say neckar run again"
            problems.append(Problem(pair.pair_id, f"has changed since the set was judged; {mend}"))
        elif judged["qc_pass"] is False:
            problems.append(Problem(pair.pair_id, f"does not hold its thresholds: {judged['qc_failed'][0]}; {mend}"))
    unknown = waivers.reasons.keys() - {pair.pair_id for pair in found.pairs}
    problems += [Problem(f"waivers: {name}", "no such pair; leave it out") for name in sorted(unknown)]
    if problems:
        shown = problems[:20]
        if len(problems) > len(shown):
            shown.append(Problem(where, f"and {len(problems) - len(shown):,} more"))
        raise UserError(shown)


def _item(found: FinalSet, pair: Pair, label: str, names: Sequence[str], waivers: Waivers) -> Item:
    row, judged = found.results[pair.pair_id], found.rows[pair.pair_id]
    sides = [side for side in ("content", "style") if getattr(pair, side) is not None]

    def told(what: str) -> str | None:
        values = dict.fromkeys(pair.extra[f"{side}.{what}"] for side in sides if f"{side}.{what}" in pair.extra)
        return None if not values else " AND ".join(values) if what == "license" else "; ".join(values)

    columns: dict[str, Any] = {"pair_id": pair.pair_id, "condition": row["condition"]}
    columns |= {name: pair.levels.get(name) for name in names if name != "condition"}
    columns |= {
        name: value for name, value in sorted(pair.extra.items()) if name.partition(".")[2] not in {"url", "copyright"}
    }
    columns |= {name: row[name] for name in _MADE}
    columns |= {name: judged[name] for name in _PHOTOMETRY}
    columns |= {name: judged[name] for name in _JUDGED}
    columns |= {name: value for name, value in judged.items() if name.startswith("gram_rel_err_")}
    return Item(
        pair=pair,
        label=label,
        key=found.image_uri(pair.pair_id),
        columns=columns,
        license=told("license"),
        copyright=told("copyright"),
        url=told("url"),
        present=not any(pair.extra.get(f"{side}.redistributable") == "false" for side in sides),
        waiver=waivers.reasons.get(pair.pair_id),
    )
