"""Gatys, Ecker & Bethge 2015, *A Neural Algorithm of Artistic Style*, as a distributed batch pipeline.

What a notebook needs: `run` makes every picture of a manifest, `validate` finds its mistakes, `open_run` reads what
came out. The command `neckar` does the same and more. Importing this loads nothing else; each name loads what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neckar.jobs.notebook import run as run
    from neckar.jobs.notebook import validate as validate
    from neckar.jobs.opened import open_run as open_run

    __version__: str

__all__ = ["__version__", "open_run", "run", "validate"]


def __getattr__(name: str) -> object:
    """The public names, each at its first use."""
    if name == "__version__":
        from importlib.metadata import version

        return version("neckar")
    if name in ("run", "validate"):
        from neckar.jobs import notebook

        return getattr(notebook, name)
    if name == "open_run":
        from neckar.jobs.opened import open_run

        return open_run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, for whoever asks a notebook to complete one."""
    return __all__
