"""Where everything of a set stands on the store; its versions are spelled in `results.versions`."""

from __future__ import annotations

import re
from datetime import date

NIGHTS_PREFIX = "nights/"
PICTURES_KEY = "pictures.json"

_NIGHT = re.compile(r"nights/(\d{4}-\d{2}-\d{2})/(plan|summary)\.json")


def plan_key(day: date) -> str:
    """`nights/2026-11-27/plan.json`."""
    return f"{NIGHTS_PREFIX}{day.isoformat()}/plan.json"


def summary_key(day: date) -> str:
    """`nights/2026-11-27/summary.json`."""
    return f"{NIGHTS_PREFIX}{day.isoformat()}/summary.json"


def pairs_key(day: date, sha256: str) -> str:
    """`nights/2026-11-27/pairs-0123456789abcdef.jsonl`: two starters who see different sources write two files."""
    return f"{NIGHTS_PREFIX}{day.isoformat()}/pairs-{sha256[:16]}.jsonl"


def run_key(day: date) -> str:
    """`runs/2026-11-27`: an ordinary run."""
    return f"runs/{day.isoformat()}"


def night_of(key: str) -> tuple[date, str] | None:
    """Of which night a key tells, and `plan` or `summary`; None for a foreign file."""
    match = _NIGHT.fullmatch(key)
    return (date.fromisoformat(match[1]), match[2]) if match else None
