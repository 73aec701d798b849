"""Evaluations that the engine needs for plain L-BFGS's loss: `pytest -m bench -s tests/bench/test_evaluations.py`.

Plain L-BFGS is torch's rule for step lengths, a history of 100 and no preconditioner. With NECKAR_PICTURES set to the
folder of the paper's six pictures, those are used; otherwise scikit-image's.
"""

from __future__ import annotations

import os
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from pipeline.images.decode import decode
from pipeline.images.resize import resize
from pipeline.storage.access import read_uri
from pipeline.synthesis import device as devices
from pipeline.synthesis.lbfgs import LBFGS
from pipeline.synthesis.network import DTYPES, Network
from pipeline.synthesis.slots import SlotEngine
from pipeline.synthesis.targets import TargetCache
from pipeline.synthesis.task import Program, Solution, Task
from pipeline.synthesis.weights import load_oxford

if TYPE_CHECKING:
    import numpy as np

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]
STYLE = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
SIZE = int(os.environ.get("NECKAR_BENCH_SIZE", "128"))
EVALUATIONS = 300
SKIMAGE = [
    ("astronaut.png", "coffee.png", 1e-3),
    ("astronaut.png", "motorcycle_left.png", 1e-4),
    ("chelsea.png", "ihc.png", 1e-3),
    ("chelsea.png", "hubble_deep_field.jpg", 1e-4),
    ("coffee.png", "motorcycle_left.png", 1e-3),
    ("coffee.png", "astronaut.png", 1e-4),
]
PAPER = [
    ("neckarfront.jpg", "shipwreck_of_the_minotaur.jpg", 1e-3),
    ("neckarfront.jpg", "starry_night.jpg", 1e-3),
    ("neckarfront.jpg", "der_schrei.jpg", 1e-3),
    ("neckarfront.jpg", "femme_nue_assise.jpg", 1e-4),
    ("neckarfront.jpg", "composition_vii.jpg", 1e-4),
    ("starry_night.jpg", "composition_vii.jpg", 1e-3),
]


def picture(name: str) -> np.ndarray:
    folder = os.environ.get("NECKAR_PICTURES")
    uri = str(Path(folder) / name) if folder else f"package:skimage/data/{name}"
    return resize(decode(read_uri(uri), name=uri), SIZE, "lanczos", name=uri)


def optimise(task: Task, network: Network, *, plain: bool, goal: float | None = None) -> Solution | int:
    """The solution, or at which evaluation the loss fell to the goal."""
    engine = SlotEngine(network, task.program, 1)
    if plain:
        engine._lbfgs = LBFGS(1, engine._x.shape[1], history=100)
    with torch.no_grad():
        engine.admit(task, TargetCache().targets(network, task))
    while not (ended := engine.step()):
        (occupant,) = engine._occupants
        if goal is not None and occupant.best_row[0] <= goal:
            return len(occupant.trace)
    (solution,) = ended
    assert isinstance(solution, Solution)
    return solution


def test_evaluations_for_the_loss_of_plain_lbfgs():
    """Six pairs, from white noise and from the photograph; prints each and the median."""
    device = devices.choose("cpu")
    devices.prepare(device)
    weights = load_oxford()
    needed = []
    for init in ("white_noise", "content"):
        for content, style, alpha in PAPER if os.environ.get("NECKAR_PICTURES") else SKIMAGE:
            photograph = picture(content)
            program = Program(*photograph.shape[:2], ("conv4_2",), STYLE, precision=devices.resolve("auto", device))
            network = Network(weights, ["conv5_1"], pooling="average", dtype=DTYPES[program.precision], device=device)
            task = Task(
                key="k",
                program=program,
                content=photograph,
                style=picture(style),
                alpha=alpha,
                beta=1.0,
                style_weights=(0.2,) * 5,
                init=photograph if init == "content" else "white_noise",
                iterations=EVALUATIONS,
            )
            plain = optimise(task, network, plain=True)
            ours = optimise(task, network, plain=False, goal=plain.losses.total)
            count = ours if isinstance(ours, int) else EVALUATIONS + 1
            needed.append(count)
            print(f"{init:<12} {content:<18} {style:<30} {plain.losses.total:10.4g} after {count}", flush=True)
    print(f"median of {len(needed)}: {statistics.median(needed)} for the loss of plain L-BFGS after {EVALUATIONS}")
    assert len(needed) == 12
