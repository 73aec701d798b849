"""What the second pass costs beside the synthesis, and how long ten thousand stimuli take to hand over."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from neckar.pipeline.images.decode import decode_at
from neckar.pipeline.images.finish import finish
from neckar.pipeline.photometry.measure import photometry
from neckar.pipeline.stimuli.duplicates import phash
from neckar.pipeline.stimuli.likeness import Likeness
from neckar.pipeline.storage.access import read_uri
from neckar.pipeline.synthesis.engine import device as devices
from neckar.pipeline.synthesis.engine.host import cores
from neckar.pipeline.synthesis.engine.synthesizer import Synthesizer
from neckar.pipeline.synthesis.network.weights import load_oxford
from neckar.pipeline.worker.pictures import Pictures
from neckar.pipeline.worker.recipe import recipe
from neckar.schemas.pair import Pair
from neckar.schemas.settings import Settings

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]

NAMES = ("coffee.png", "chelsea.png", "astronaut.png", "ihc.png", "motorcycle_left.png", "rocket.jpg")
PICTURES = [f"package:skimage/data/{name}" for name in NAMES]
EVALUATIONS = 300
STIMULI = 10_000


def test_photometry_and_quality_control_beside_synthesis():
    """Of a picture of 256 px and 300 evaluations; the null is of five other styles and five other contents."""
    devices.prepare(torch.device("cpu"), cores())
    engine = Synthesizer(load_oxford(), device="cpu")
    precision = devices.resolve("auto", engine.device)
    held = Pictures()

    def prepare(pair: Pair):
        return recipe(pair, held, precision=precision, weights_sha256="5" * 64)

    settings = Settings(size=(256, 256), iterations=EVALUATIONS)
    pairs = [Pair(i, f"p{i}", PICTURES[i % 6], PICTURES[(i + 1) % 6], settings) for i in range(6)]
    recipes = [prepare(pair) for pair in pairs]
    for one in recipes:
        engine.submit(one.task)
    engine.step(lambda: True)
    begun, start = engine.evaluations, time.perf_counter()
    until = start + 20
    engine.step(lambda: time.perf_counter() > until)
    making = EVALUATIONS * (time.perf_counter() - start) / (engine.evaluations - begun)
    for one in recipes:
        engine.evict(one.spec_hash)
    likeness = Likeness(engine, prepare, PICTURES, PICTURES)
    made = [finish(decode_at(read_uri(uri), (256, 256), "lanczos", name=uri)).levels for uri in PICTURES]
    for one, levels in zip(recipes, made, strict=True):  # targets once, as a set has them
        likeness.measure(one, levels)
    start = time.perf_counter()
    for one, levels in zip(recipes, made, strict=True):
        photometry(levels)
        phash(levels)
        likeness.measure(one, levels)
    judging = (time.perf_counter() - start) / len(made)
    print(
        f"\n{engine.device} {precision}: {making:.1f} s to make a picture, {judging:.2f} s to judge it:"
        f" {judging / making:.1%}"
    )


def test_ten_thousand_stimuli_are_handed_over(tmp_path: Path):
    """Noise of 128 px: as large in a file as pictures get."""
    design = {
        "content": PICTURES[:1],
        "factors": {"exemplar": STIMULI},
        "conditions": ["noise"],
        "seed_policy": "unique",
    }
    manifest = {"schema_version": 1, "name": "many", "settings": {"size": [128, 128]}, "design": design, "qc": {}}
    (tmp_path / "jobs.json").write_text(json.dumps(manifest))

    def timed(*arguments: str) -> float:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "neckar", *arguments], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL
        )
        return time.perf_counter() - start

    made = timed("run", "jobs.json", "--output", "out")
    forms = "bids,psychopy,jspsych,parquet,brainio"
    code = (  # VmHWM, for ru_maxrss counts what the process was forked from
        "from neckar.jobs.command_line import execute\n"
        f"execute(['export', 'out', 'release', '--format', '{forms}'])\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    start = time.perf_counter()
    told = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    exported = time.perf_counter() - start
    size = sum(path.stat().st_size for path in (tmp_path / "out/images").rglob("*.png")) / STIMULI
    print(
        f"\n{STIMULI:,} stimuli of {size / 1000:.0f} kB: run with its second pass {made:.0f} s,"
        f" exported in five forms in {exported:.1f} s, {int(told.split()[-1]) / 1024:.0f} MB at most"
    )
