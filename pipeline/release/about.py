"""What every form of a release carries beside the stimuli: a card, how to cite it, licences, how it was made."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from neckar.pipeline.release.folder import Folder
from neckar.pipeline.release.items import Item
from neckar.pipeline.stimuli.final import FinalSet

PAPER = "Gatys, L. A., Ecker, A. S. & Bethge, M. (2015). A Neural Algorithm of Artistic Style. arXiv:1508.06576"


def write_about(folder: Folder, found: FinalSet, items: Sequence[Item], form: str) -> None:
    """README.md, CITATION.cff, LICENSES.tsv, environment.json and, where there are some, waivers.tsv."""
    folder.text("README.md", *_card(found, items, form))
    folder.text("CITATION.cff", *_citation(found))
    rows = sorted((item.id, item.license or "n/a", item.copyright or "n/a", item.url or "n/a") for item in items)
    folder.text("LICENSES.tsv", "stimulus_id\tlicense\tcopyright\tURL", *("\t".join(row) for row in rows))
    folder.json("environment.json", _environment(found))
    waived = [(item.id, item.waiver) for item in items if item.waiver is not None]
    if waived:
        folder.text("waivers.tsv", "stimulus_id\treason", *(f"{name}\t{reason}" for name, reason in waived))


def name_of(found: FinalSet) -> str:
    """Of the set: its run's."""
    return found.reader.record.name


def _card(found: FinalSet, items: Sequence[Item], form: str) -> list[str]:
    record, version = found.reader.record, found.version
    assert version is not None
    conditions = Counter(str(item.columns["condition"]) for item in items)
    absent = sum(not item.present for item in items)
    waived = sum(item.waiver is not None for item in items)
    lines = [
        f"# {record.name}",
        "",
        f"{len(items):,} stimuli, made by Neckar {record.neckar_version} after {PAPER}.",
        f"This is the {form} form of version {version.version} of the set (identity {version.identity[:16]}).",
        "",
        *(f"- {condition}: {count:,}" for condition, count in sorted(conditions.items())),
        "",
        f"Thresholds: {version.passed:,} hold them, {version.failed:,} do not; {waived:,} are waived in waivers.tsv.",
        f"Matching: {_matching(found)}; {version.unmatched:,} could not be matched to within .005.",
    ]
    if absent:
        lines.append(
            f"{absent:,} pictures are not handed over, for their sources forbid it; LICENSES.tsv has their URL."
        )
    return [
        *lines,
        "",
        "All measures are of the PNG as it is: luminance is .2126 R + .7152 G + .0722 B of linear light.",
        "`sha256sum --check checksums.sha256` tells whether a file has changed.",
    ]


def _matching(found: FinalSet) -> str:
    methods = sorted({str(row["match"]) for row in found.rows.values() if row["match"] is not None})
    return ", ".join(methods) or "none"


def _citation(found: FinalSet) -> list[str]:
    record = found.reader.record
    return [
        "cff-version: 1.2.0",
        "message: Please cite this stimulus set, Neckar and the paper it implements.",
        "type: dataset",
        f"title: {json.dumps(record.name)}",
        "authors:",
        f"  - name: {json.dumps(f'Authors of {record.name}')}",
        f'version: "{found.version.version if found.version else 1}"',
        f'date-released: "{record.created_at:%Y-%m-%d}"',
        "references:",
        "  - type: article",
        "    title: A Neural Algorithm of Artistic Style",
        "    authors:",
        "      - {family-names: Gatys, given-names: Leon A.}",
        "      - {family-names: Ecker, given-names: Alexander S.}",
        "      - {family-names: Bethge, given-names: Matthias}",
        "    year: 2015",
        "    url: https://arxiv.org/abs/1508.06576",
    ]


def _environment(found: FinalSet) -> dict[str, object]:
    """How it was made: by which software, with which weights, from which manifest."""
    record = found.reader.record
    rows = [row for row in found.results.values() if row["status"] == "ok"]
    return {
        "neckar": record.neckar_version,
        "weights_sha256": record.weights_sha256,
        "precision": record.precision,
        "manifest_sha256": record.manifest_sha256,
        "torch": sorted({str(row["torch_version"]) for row in rows}),
        "kernels": sorted({str(row["kernels"]) for row in rows}),
        "devices": sorted({str(row["device"]) for row in rows}),
        "manifest": record.manifest,
    }
