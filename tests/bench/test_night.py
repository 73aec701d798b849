"""A small night's set against one process of the peer a pair: `pytest -m bench -s tests/bench/test_night.py`."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import skimage

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]
ROOT = Path(__file__).parents[2]
CONTENTS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
STYLES = (
    "ihc.png",
    "hubble_deep_field.jpg",
    "motorcycle_left.png",
    "retina.jpg",
    "coffee.png",
    "astronaut.png",
)
SIZE, STEPS = 128, 100
PEERS = 4  # of the 24 processes of the peer: the others would take as long


def timed(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begin


def test_24_pairs_against_24_processes_of_the_peer(tmp_path):
    """Wall time of both, start-up and all. The peer's is extrapolated from four processes, run before and after."""
    data = Path(skimage.__file__).parent / "data"
    manifest = tmp_path / "night.json"
    pairs = [
        {"id": f"{content.split('.')[0]}-{style.split('.')[0]}", "content": content, "style": style}
        for content in CONTENTS
        for style in STYLES
    ]
    settings = {"size": SIZE, "iterations": STEPS}
    manifest.write_text(json.dumps({"schema_version": 1, "name": "night", "settings": settings, "pairs": pairs}))

    def peer(number: int) -> float:
        content, style = CONTENTS[number % 4], STYLES[number]
        pictures = ["--content", str(data / content), "--styles", str(data / style)]
        work = ["--size", str(SIZE), "--style-size", str(SIZE), "--num-steps", str(STEPS)]
        like_ours = ["--pooling", "avg", "--random-init", "--no-verbose", "--output", str(tmp_path / f"{number}.png")]
        return timed([str(Path(sys.executable).with_name("pastiche")), *pictures, *work, *like_ours])

    run = [sys.executable, "-m", "neckar", "run", str(manifest), "--base", "package:skimage/data"]
    before = [peer(number) for number in range(PEERS // 2)]
    ours = timed([*run, "--output", str(tmp_path / "night")])
    after = [peer(number) for number in range(PEERS // 2, PEERS)]
    rows = json.loads(next((tmp_path / "night").glob("_SUCCESS.json")).read_text())
    assert rows["ok"] == len(pairs)
    each = sum(before + after) / PEERS
    theirs = each * len(pairs)
    print(f"\nneckar run: {ours:.1f} s for {len(pairs)} pairs, {SIZE} px, {STEPS} evaluations")
    print(f"pastiche: {each:.1f} s a process ({PEERS} measured: {', '.join(f'{s:.1f}' for s in before + after)})")
    print(f"24 of them: {theirs:.0f} s, extrapolated; ratio 1/{theirs / ours:.2f}")
