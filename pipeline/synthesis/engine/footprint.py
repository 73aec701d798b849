"""What an image costs in memory: arithmetic alone, for plans are made where there is no torch to wait for."""

from __future__ import annotations

from ..network.vgg19 import ConvSpec, map_size, up_to
from ..optimizers.compact import HISTORY
from ..task import Precision, Program

ITEMSIZE: dict[Precision, int] = {"float32": 4, "tf32": 4, "bfloat16": 2}
ROWS = 8  # float32 copies of an image: x, best, step, gradients
TAPE = 1.6  # the tape itself and what comes and goes beside it, measured at 256 and 512 px
NETWORK = 600 * 2**20  # torch, the weights and the forms that convolutions keep of them


def of_slot(program: Program, *, history: int = 2) -> int:
    """Bytes that one image needs while it is optimised, about.

    Args:
        program: of the image.
        history: bytes of a number in L-BFGS's history.
    """
    numbers = 3 * program.height * program.width
    return 2 * HISTORY * numbers * history + ROWS * 4 * numbers + of_tape(program) + of_targets(program)


def of_tape(program: Program) -> int:
    """Bytes of an evaluation of one image with its way back, about: all responses are kept until then."""
    return int(TAPE * sum(_map_bytes(spec, program, program.precision) for spec in _specs(program)))


def of_judging(program: Program) -> int:
    """Bytes of a float32 pass of one image without a way back, about: a layer, the next one, and those in use."""
    maps = [_map_bytes(spec, program, "float32") for spec in _specs(program)]
    used = {*program.content_layers, *program.style_layers}
    kept = sum(size for spec, size in zip(_specs(program), maps, strict=True) if spec.name in used)
    return int(TAPE * max(a + b for a, b in zip([0, *maps], maps, strict=False))) + kept


def of_targets(program: Program) -> int:
    """Bytes of P^l and A^l of one image: in its slot, in the cache, and those of the float32 network that judges."""
    specs = {spec.name: spec for spec in _specs(program)}
    networks: list[Precision] = (
        [program.precision] if program.precision == "float32" else [program.precision, "float32"]
    )
    maps = sum(_map_bytes(specs[name], program, precision) for name in program.content_layers for precision in networks)
    grams = sum(4 * specs[name].outputs ** 2 for name in program.style_layers) * len(networks)
    return 2 * (maps + grams)


def alone(program: Program, *, history: int = 2) -> int:
    """Bytes that a worker needs for one image of the program and nothing else."""
    return NETWORK + of_slot(program, history=history) + of_judging(program)


def _specs(program: Program) -> tuple[ConvSpec, ...]:
    return up_to((*program.content_layers, *program.style_layers))


def _map_bytes(spec: ConvSpec, program: Program, precision: Precision) -> int:
    h, w = map_size(spec.name, program.height, program.width)
    return spec.outputs * h * w * ITEMSIZE[precision]
