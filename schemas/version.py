"""Which release this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def neckar_version() -> str:
    """The installed release's number."""
    try:
        return version("neckar")
    except PackageNotFoundError:
        return "not installed"  # run from a checkout
