"""The real engine set up: weights, device, slots. The only module here that needs torch."""

from __future__ import annotations

import numpy as np
import torch

from neckar.pipeline.images.decode import decode_at
from neckar.pipeline.messages.setup import WorkerSetup
from neckar.pipeline.storage.access import read_uri
from neckar.pipeline.synthesis.engine import device as devices
from neckar.pipeline.synthesis.engine.synthesizer import Synthesizer
from neckar.pipeline.synthesis.kernels.compiled import kernels_name
from neckar.pipeline.worker.engine import ReadyEngine
from neckar.pipeline.worker.weights import load_weights

CALIBRATION_PX = 256
CALIBRATION = tuple(  # pictures over which `normalise_activations` takes its means; changing them changes the weights
    f"package:skimage/data/{name}"
    for name in ("astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "motorcycle_left.png")
)


def synthesizer(setup: WorkerSetup) -> ReadyEngine:
    """The real engine.

    Raises:
        UserError: the weights are missing or wrong.
        RuntimeError: a GPU was promised and torch finds none.
    """
    device = devices.choose("cuda" if setup.gpu else "cpu")
    if setup.gpu and not torch.cuda.is_available():
        raise RuntimeError("Ray assigned a GPU, but torch finds none; check the driver and torch's build")
    devices.prepare(device, setup.threads)  # Ray sets OMP_NUM_THREADS to 1 in actors
    weights = load_weights(setup.weights)
    return ReadyEngine(
        engine=Synthesizer(
            weights,
            device=str(device),
            slots=setup.slots,
            workers=1 if setup.gpu else setup.neighbours,
            calibration=_calibration_pictures,
            graphs=setup.graphs,
        ),
        device=devices.describe(device),
        precision=devices.resolve("auto", device),
        weights_sha256=weights.sha256,
        possible=devices.possible(device),
        kernels=kernels_name() if device.type == "cpu" else "torch",
        torch_version=str(torch.__version__),  # a class of torch's own: reading a row, the driver would import torch
    )


def _calibration_pictures() -> list[np.ndarray]:
    return [decode_at(read_uri(uri), CALIBRATION_PX, "lanczos", name=uri) for uri in CALIBRATION]
