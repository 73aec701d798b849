"""The peer beside us: `pastiche`, in a process of its own, drawing the same two pictures in turns with our engine."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import torch

    from neckar.pipeline.synthesis.task import Precision

CONTENT, STYLE = "package:skimage/data/astronaut.png", "package:skimage/data/coffee.png"
WARM_UP = 22  # evaluations: the engine's L-BFGS history is then full
A_TURN = 5  # evaluations of each, one after the other
TURNS = 5

# What the peer's own `main` does, with a line on standard output for every turn asked for on standard input.
DRAW = """
import sys, time, torch
from pastiche.pastiche import PasticheArtist
content, style, size, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(threads)
artist = PasticheArtist(content, [style], pooling="avg", random_init=True, size=size, style_size=size)
for line in sys.stdin:
    begin = time.perf_counter()
    for _ in range(int(line)):
        artist.draw()
    print(time.perf_counter() - begin, flush=True)
"""


@dataclass(frozen=True)
class Comparison:
    """The peer and the engine with one slot, on the same pictures, in turns.

    Attributes:
        peer: its name and version.
        size: longest side, px.
        precision: the engine's; the peer's is float32.
        evaluations_per_s: ours, median of the turns.
        peer_evaluations_per_s: the peer's.
        ratio: ours over the peer's, median of the turns' ratios.
    """

    peer: str
    size: int
    precision: str
    evaluations_per_s: float
    peer_evaluations_per_s: float
    ratio: float


class Pastiche:
    """A running peer; a context manager.

    Args:
        content, style: PNG files.
        size: longest side, px.
        threads: of its kernels.
    """

    def __init__(self, content: Path, style: Path, size: int, threads: int) -> None:
        arguments = [sys.executable, "-W", "ignore", "-c", DRAW, str(content), str(style), str(size), str(threads)]
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and script
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def draw(self, evaluations: int) -> float:
        """Seconds that it took.

        Raises:
            RuntimeError: if the peer has died.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{evaluations}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"pastiche ended with exit status {self._process.wait()}")
        return float(answer)


def compare(size: int, precision: Precision, device: torch.device) -> Comparison:
    """The engine with one slot against `pastiche`, both with all threads, each waiting while the other draws."""
    from importlib.metadata import version

    import torch

    with tempfile.TemporaryDirectory(prefix="neckar-bench-") as folder:
        content, style = _write(CONTENT, size, Path(folder)), _write(STYLE, size, Path(folder))
        step = _engine(size, precision, device)
        with Pastiche(content, style, size, torch.get_num_threads()) as peer:
            peer.draw(A_TURN)
            ours, theirs = [], []
            for _ in range(TURNS):
                begin = time.perf_counter()
                for _ in range(A_TURN):
                    step()
                ours.append((time.perf_counter() - begin) / A_TURN)
                theirs.append(peer.draw(A_TURN) / A_TURN)
    return Comparison(
        peer=f"pastiche {version('pastiche')}",
        size=size,
        precision=precision,
        evaluations_per_s=1 / statistics.median(ours),
        peer_evaluations_per_s=1 / statistics.median(theirs),
        ratio=statistics.median(t / o for o, t in zip(ours, theirs, strict=True)),
    )


def _engine(size: int, precision: Precision, device: torch.device) -> Callable[[], object]:
    from neckar.pipeline.synthesis.engine.synthesizer import Synthesizer
    from neckar.pipeline.synthesis.network.weights import load_oxford
    from neckar.pipeline.synthesis.task import Program, Task

    content, style = _picture(CONTENT, size), _picture(STYLE, size)
    layers = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
    synthesizer = Synthesizer(load_oxford(), device=str(device), slots=1)
    synthesizer.submit(
        Task(
            key="ours",
            program=Program(content.shape[0], content.shape[1], ("conv4_2",), layers, precision=precision),
            content=content,
            style=style,
            alpha=1e-3,
            beta=1.0,
            style_weights=(0.2,) * 5,
            iterations=sys.maxsize,
        )
    )
    for _ in range(WARM_UP):
        synthesizer.step()
    return synthesizer.step


def _picture(uri: str, size: int) -> np.ndarray:
    from neckar.pipeline.images.decode import decode_at
    from neckar.pipeline.storage.access import read_uri

    return decode_at(read_uri(uri), size, "lanczos", name=uri)


def _write(uri: str, size: int, folder: Path) -> Path:
    """The picture as the engine takes it, in a file for the peer."""
    from neckar.pipeline.images.encode import encode_png
    from neckar.pipeline.images.finish import finish

    path = folder / uri.rsplit("/", 1)[1]
    path.write_bytes(encode_png(finish(_picture(uri, size)).levels, {}))
    return path
