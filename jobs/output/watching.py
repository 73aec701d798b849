"""A run as one watches it: a table that renews itself on a terminal, JSON lines elsewhere."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Group

    from neckar.pipeline.results.live import Look, Watch
    from neckar.schemas.live import LiveRecord

_STANDS = {
    "complete": "complete",
    "running": "running",
    "silent": "its driver is silent: dead, or cut off; the same neckar run goes on",
    "stopped": "stopped: nobody is at work on it; the same neckar run goes on",
}


def watch(run: str, watched: Watch, *, every_s: float) -> Look:
    """Show a run until it is complete or nobody is at work on it; the last look.

    Raises:
        StoreError: as the store says.
    """
    from rich.console import Console
    from rich.live import Live

    if not sys.stdout.isatty():
        for look in _looks(watched, every_s):
            print(json.dumps(_line(run, look)), flush=True)
        return look
    with Live(console=Console(), auto_refresh=False) as shown:
        for look in _looks(watched, every_s):
            shown.update(_drawn(run, look), refresh=True)
    return look


def _looks(watched: Watch, every_s: float) -> Iterator[Look]:
    while True:
        look = watched.look()
        yield look
        if look.standing != "running":
            return
        time.sleep(every_s)


def _line(run: str, look: Look) -> dict[str, Any]:
    live = None if look.live is None else look.live.model_dump(mode="json")
    age = None if look.age_s is None else round(look.age_s, 1)
    return {"run": run, "standing": look.standing, "age_s": age, "live": live}


def _drawn(run: str, look: Look) -> Group:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    lines: list[Any] = [Text(f"{run}: {_STANDS[look.standing]}")]
    live = look.live
    if live is None:
        return Group(*lines, Text("its driver has said nothing yet; neckar status tells what is written"))
    lines.append(Text(_counts(live)))
    lines.append(Text(f"told {look.age_s or 0.0:.0f} s ago; waiting for {live.waiting_for}", style="dim"))
    if live.pairs:
        table = Table("pair", "worker", "done", "loss")
        for pair in live.pairs:
            loss = "" if pair.loss_total is None else f"{pair.loss_total:.4g}"
            table.add_row(Text(pair.pair_id), Text(pair.worker), f"{100 * pair.done:.0f} %", loss)
        lines.append(table)
    lines += [
        Text(
            f"{error.at:%H:%M:%S} {error.pair_id}: {error.status} {error.code or ''} {error.message or ''}", style="red"
        )
        for error in live.errors[:5]
    ]
    return Group(*lines)


def _counts(live: LiveRecord) -> str:
    settled = live.ok + live.failed + live.quarantined
    total = "?" if live.total is None else f"{live.total:,}"
    rate = "" if live.pairs_per_min is None else f"; {live.pairs_per_min:,.1f} pairs/min"
    left = "" if live.eta_s is None else f", {timedelta(seconds=round(live.eta_s))} to go"
    counts = f"ok {live.ok:,} · failed {live.failed:,} · quarantined {live.quarantined:,}"
    return f"{settled:,} of {total} pairs: {counts}; {live.in_flight:,} on {live.workers} workers{rate}{left}"
