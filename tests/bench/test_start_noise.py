"""How much noise the start should have: the table of `init_sigma` in docs/benchmarks.md."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest

from neckar.pipeline.driver.session import run
from neckar.pipeline.images.decode import decode
from neckar.pipeline.manifests.source import load_manifest
from neckar.pipeline.results.reading import open_run

pytestmark = pytest.mark.bench

PICTURES = os.environ.get("NECKAR_PICTURES")
ARTWORKS = ("composition_vii", "der_schrei", "femme_nue_assise", "shipwreck_of_the_minotaur", "starry_night")
SIZES, SIGMAS, SEEDS = (128, 256), (1, 2, 5, 10, 25, 50), range(4)
ITERATIONS = 200
FINE = 0.375  # cycles a pixel; finer structure than most of any photograph's or painting's


def luma(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.float64).mean(2)


def fine_share(pixels: np.ndarray) -> float:
    """Of the power of the windowed luma, that above `FINE`."""
    y = luma(pixels)
    window = np.outer(*map(np.hanning, y.shape))
    power = np.abs(np.fft.fft2((y - y.mean()) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, y.shape), indexing="ij"))
    return float(power[frequency > FINE].sum() / power.sum())


@pytest.mark.skipif(PICTURES is None, reason="NECKAR_PICTURES names no folder with the paper's pictures")
@pytest.mark.timeout(6 * 3600)
def test_noise_at_the_start(tmp_path):
    photographs = {"neckarfront": f"{PICTURES}/neckarfront.jpg", "cat": "package:skimage/data/chelsea.png"}
    subjects = [*(("neckarfront", artwork) for artwork in ARTWORKS), ("cat", "starry_night")]
    cells = {}
    pairs = []
    for number, (size, sigma, seed, (content, style)) in enumerate(product(SIZES, SIGMAS, SEEDS, subjects)):
        cells[f"p{number}"] = (size, sigma, (content, style))
        settings = {"size": size, "init_sigma": sigma, "seed": seed, "iterations": ITERATIONS}
        artwork = f"{PICTURES}/{style}.jpg"
        pairs.append({"id": f"p{number}", "content": photographs[content], "style": artwork, "settings": settings})
    path = tmp_path / "noise.json"
    path.write_text(json.dumps({"schema_version": 1, "name": "noise", "pairs": pairs}))
    summary = run(load_manifest(str(path)), output=str(tmp_path / "run"))
    assert summary.ok == len(pairs)

    found = defaultdict(list)
    pictures = defaultdict(list)
    columns = ["pair_id", "image_uri", "loss_total", "loss_total_png"]
    for row in open_run(str(tmp_path / "run")).dataset().to_table(columns).to_pylist():
        size, sigma, subject = cells[row["pair_id"]]
        pixels = decode(Path(tmp_path / "run" / row["image_uri"]).read_bytes(), name=row["pair_id"])
        clipped = float(np.mean((pixels <= 0) | (pixels >= 255)))
        found[size, sigma].append((subject, row["loss_total"], row["loss_total_png"], clipped, fine_share(pixels)))
        pictures[size, sigma, subject].append(luma(pixels).ravel())
    print()
    for (size, sigma), rows in sorted(found.items()):
        before = {
            subject: np.median([row[1] for row in found[size, SIGMAS[-1]] if row[0] == subject]) for subject in subjects
        }
        ratios = np.array([(row[1] / before[row[0]], row[2] / before[row[0]]) for row in rows])
        plain, png = np.exp(np.log(ratios).mean(0))
        over = np.median([row[2] / row[1] for row in rows])
        clipped, share = np.mean([row[3:] for row in rows], axis=0)
        same = [np.corrcoef(a, b)[0, 1] for s in subjects for a, b in combinations(pictures[size, sigma, s], 2)]
        print(
            f"| {size} | {sigma} | {plain:.3f} | {png:.3f} | {over:.3f} | {clipped:.1%} | {share:.3f} "
            f"| {1 - np.mean(same):.2f} |"
        )
