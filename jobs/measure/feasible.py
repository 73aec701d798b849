"""What this machine cannot compute, found before anything is started."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from neckar.schemas.errors import Problem, UserError

if TYPE_CHECKING:
    from neckar.pipeline.manifests.pairs import Survey
    from neckar.pipeline.manifests.source import LoadedManifest
    from neckar.pipeline.synthesis.task import Precision

_GPU = Path("/dev/nvidiactl")  # a GPU's memory is its own; a worker on it tells what does not fit


def refuse_impossible(loaded: LoadedManifest, found: Survey, *, sizes: bool = True) -> None:
    """See that this machine alone can make what a manifest asks for.

    Args:
        loaded: the manifest.
        found: what it asks for.
        sizes: look at memory too, as it is free now.

    Raises:
        UserError: a precision that its processor has not, a size that does not fit into its memory even alone.
    """
    told = [_impossible(precision) for precision in sorted(found.precisions - {"auto", "float32"})]
    problems = [Problem(f"{loaded.uri}: precision", words) for words in told if words is not None]
    if sizes and not _GPU.exists():
        problems += _too_large(loaded, found)
    if problems:
        raise UserError(problems)


def _impossible(precision: str) -> str | None:
    from neckar.pipeline.synthesis.engine import device as devices  # torch's start is waited for only here

    return devices.impossible(precision, devices.choose())


def _too_large(loaded: LoadedManifest, found: Survey) -> list[Problem]:
    from neckar.pipeline.synthesis.engine import footprint
    from neckar.pipeline.synthesis.engine.host import free_memory
    from neckar.pipeline.synthesis.task import Program

    free = free_memory()
    settings = loaded.manifest.settings
    least: Precision = "bfloat16" if found.precisions & {"auto", "bfloat16"} else "float32"
    problems = []
    for size in sorted(found.sizes, key=_pixels):
        height, width = _geometry(size)
        program = Program(height, width, settings.content_layers, settings.style_layer_names, precision=least)
        needed = footprint.alone(program)
        if free is not None and needed > free:
            told = f"one picture of {height} x {width} px needs about {needed / 2**30:.1f} GiB, and {free / 2**30:.1f}"
            problems.append(Problem(f"{loaded.uri}: size {size}", f"{told} GiB are free here; make it smaller"))
    return problems


def _geometry(size: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width; 3:2 where only the longest side is given, for the pictures are not opened."""
    return size if isinstance(size, tuple) else (max(1, 2 * size // 3), size)


def _pixels(size: int | tuple[int, int]) -> int:
    height, width = _geometry(size)
    return height * width
