"""What the tests of this folder share: manifests of many small pairs, drivers, and the audit of a finished run."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neckar.pipeline.images.encode import encode_png
from neckar.pipeline.results.reading import open_run
from tests.chaos.engine import Entry

ROOT = Path(__file__).parents[2]
LONG = os.environ.get("NECKAR_CHAOS") == "long"  # otherwise the form that CI runs


def write_manifest(folder: Path, seeds: Iterable[int], *, iterations: int) -> Path:
    """One pair a seed, its id `p<position>`."""
    rng = np.random.default_rng(0)
    (folder / "picture.png").write_bytes(encode_png(rng.integers(0, 255, (20, 24, 3), np.uint8), {}))
    with (folder / "pairs.jsonl").open("w") as file:
        for index, seed in enumerate(seeds):
            pair = {"id": f"p{index}", "content": "picture.png", "style": "picture.png", "settings": {"seed": seed}}
            file.write(json.dumps(pair) + "\n")
    path = folder / "jobs.json"
    settings = {"size": 24, "iterations": iterations}
    path.write_text(
        json.dumps({"schema_version": 1, "name": "chaos", "settings": settings, "pairs_from": "pairs.jsonl"})
    )
    return path


def start_driver(manifest: Path, output: str, **options: Any) -> subprocess.Popen[str]:
    given = {"manifest": str(manifest), "output": output, **options}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.drive", json.dumps(given)],
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@dataclass(frozen=True)
class Audit:
    """What a finished run holds, compared with what was asked for.

    Attributes:
        lost: pairs without a row.
        duplicated: rows too many.
        statuses: pairs by status.
        others: error codes of the pairs that are not ok, by id.
        broken: rows whose picture is missing or has another sha256.
        attempts: of all pairs.
        images: their places in the run, by the pairs' seeds.
    """

    lost: int
    duplicated: int
    statuses: Mapping[str, int]
    others: Mapping[str, str]
    broken: int
    attempts: int
    images: Mapping[int, str]


def audit(output: str, pairs: int) -> Audit:
    """Every row and every picture."""
    reader = open_run(output)
    assert reader.success is not None, "the run is not complete"
    columns = ["pair_id", "status", "error_code", "attempts", "seed", "image_uri", "image_sha256"]
    rows = reader.dataset().to_table(columns=columns).to_pylist()
    counted = Counter(row["pair_id"] for row in rows)
    pictures = [row for row in rows if row["status"] == "ok"]
    return Audit(
        lost=len({f"p{index}" for index in range(pairs)} - set(counted)),
        duplicated=len(rows) - len(counted),
        statuses=Counter(row["status"] for row in rows),
        others={row["pair_id"]: row["error_code"] for row in rows if row["status"] != "ok"},
        broken=sum(
            hashlib.sha256(reader.store.get(row["image_uri"])).hexdigest() != row["image_sha256"] for row in pictures
        ),
        attempts=sum(row["attempts"] for row in rows),
        images={row["seed"]: row["image_uri"] for row in pictures},
    )


def begun_after_commit(run: Path, images: Mapping[int, str], entries: Iterable[Entry]) -> int:
    """Pictures whose computation began although they stood in the folder already; one pair a seed."""
    committed = {seed: (run / uri).stat().st_mtime for seed, uri in images.items()}
    slack_s = 1.0  # a worker may have looked for the picture a moment before another one stored it
    return sum(
        entry.event == "begin" and entry.seed in committed and entry.at > committed[entry.seed] + slack_s
        for entry in entries
    )
