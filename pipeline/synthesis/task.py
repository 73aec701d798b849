"""What the engine is asked for and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Pooling = Literal["average", "max"]
Convention = Literal["gatys2015", "gatys_pytorch"]
Optimizer = Literal["lbfgs", "adam"]
Precision = Literal["float32", "tf32", "bfloat16"]


@dataclass(frozen=True, slots=True)
class Program:
    """What all slots of one batch share: the geometry and the computation, not its weights.

    Attributes:
        height, width: of the image, px.
        content_layers: layers of L_content; empty for style-only images.
        style_layers: layers of L_style, in the network's order; empty for content-only images.
        pooling: "average" (the paper's) or "max".
        convention: of alpha, beta and the losses.
        optimizer: "lbfgs" or "adam".
        precision: of the convolutions; losses, Gram matrices and optimiser state are float32 always.
        normalised: filters rescaled to mean activation 1 (Gatys et al. 2016).
        grey: all three channels stay equal: one field of noise, and gradients averaged over the channels.
    """

    height: int
    width: int
    content_layers: tuple[str, ...]
    style_layers: tuple[str, ...]
    pooling: Pooling = "average"
    convention: Convention = "gatys2015"
    optimizer: Optimizer = "lbfgs"
    precision: Precision = "float32"
    normalised: bool = False
    grey: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One image to optimise.

    Attributes:
        key: the caller's name for it.
        program: what it shares with its batch mates.
        content: photograph, float32 (height, width, 3) RGB 0-255, or None if there are no content layers.
        style: artwork, float32 (h, w, 3) RGB 0-255 of any size, or None if there are no style layers.
        content_key, style_key: names of these arrays for the target cache; equal names mean equal pixels.
        alpha, beta: eq. 7.
        style_weights: w_l, one a style layer (eq. 5).
        init: "white_noise", or the start itself as float32 (height, width, 3) RGB 0-255.
        init_sigma: of the white noise around the VGG mean, levels of 0-255.
        seed: of the white noise.
        iterations: evaluations of loss and gradient, at most; >= 1.
        tolerance: stop when the loss changed less than this, relatively, over 20 evaluations; 0: never.
        learning_rate: Adam's step, levels of 0-255.
        snapshots: evaluations, from 1, whose iterates are kept beside the result; they change nothing else.
    """

    key: str
    program: Program
    content: np.ndarray | None
    style: np.ndarray | None
    content_key: str = ""
    style_key: str = ""
    alpha: float
    beta: float
    style_weights: tuple[float, ...]
    init: Literal["white_noise"] | np.ndarray = "white_noise"
    init_sigma: float = 1.0
    seed: int = 0
    iterations: int = 500
    tolerance: float = 0.0
    learning_rate: float = 5.0
    snapshots: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """The losses of one image in the program's convention.

    Attributes:
        total: alpha L_content + beta L_style (eq. 7).
        content: L_content (eq. 1).
        style: L_style = sum of w_l E_l (eq. 5).
        layers: E_l (eq. 4), one a style layer, in the program's order.
    """

    total: float
    content: float
    style: float
    layers: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A finished image.

    Attributes:
        key: the task's.
        image: best iterate, float32 (height, width, 3) RGB on the 0-255 scale, not clipped.
        losses: at that iterate, in the program's precision.
        iterations: evaluations done.
        stop_reason: "iterations", "tolerance" or "stationary" (zero gradient); "+restart" and "+adam" tell the rungs
            of the ladder that were used on the way, "non_finite" that the last one failed too, and "+no_improvement"
            that nothing was better than the start.
        trace_columns: "total", "content", "style", then the style layers.
        trace: float32 (iterations, len(trace_columns)).
        started_at, finished_at: seconds since the epoch.
        snapshots: of the evaluations that the task names and that were finite: which one, and the image that it
            evaluated, as `image`.
    """

    key: str
    image: np.ndarray
    losses: Losses
    iterations: int
    stop_reason: str
    trace_columns: tuple[str, ...]
    trace: np.ndarray
    started_at: float
    finished_at: float
    snapshots: tuple[tuple[int, np.ndarray], ...] = ()


class RecordingFailed(RuntimeError):  # noqa: N818
    """The device's work could not be recorded, and its state in this process is not to be trusted any more.

    A new process, with an engine that does not record, can go on with the same tasks.
    """


@dataclass(frozen=True, slots=True)
class Failure:
    """An image that could not be made: `non_finite_loss` or `out_of_memory`, and one line why."""

    key: str
    code: Literal["non_finite_loss", "out_of_memory"]
    message: str
