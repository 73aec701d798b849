"""How a run ends before its end. Nothing that was written is lost; the same command goes on."""

from __future__ import annotations


class Stopped(Exception):  # noqa: N818  # named for what is the case
    """The run gave up; the message is the reason, in one line."""


class Interrupted(Exception):  # noqa: N818  # named for what is the case
    """Somebody asked the run to stop (Ctrl-C or SIGTERM)."""
