"""By what the schedule judges: every number with its reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Times in seconds."""

    solo_deaths: int = 3  # of workers with the pair alone in them, then it is quarantined
    node_losses: int = 3  # machines gone under a pair without notice, then it is suspected
    node_deaths: int = 3  # of different witnesses on one node, then it is avoided
    refusals: int = 3  # times the store may not answer for one pair
    pause_s: float = 15.0  # before such a pair is tried again; the store's own retries come on top
    contradictions: int = 2  # pairs that failed for the place's sake on a node and were made on another: it is avoided
    unwritten: int = 5  # pictures in a row that the output did not take, then the run stops
    unwritten_s: float = 30.0  # and for so long, where there are several nodes: one of them may be at fault
    pair_s: float | None = None  # a pair's time in a slot
    silence_s: float = 600.0  # a call's time; on a CPU one evaluation at 4096 px takes minutes
    stall_s: float = 1800.0  # without any progress; clusters may take half an hour to find a GPU
    setup_s: float = 900.0  # from a worker's place on a machine until it is ready; weights may come from far
    gather_s: float = 60.0  # from the start, in which machines that have no worker yet may still get one
    setup_failures: int = 3  # in a row on one node; where no node is left the run stops, or waits if others work
    setup_pause_s: float = 300.0  # that wait
    error_rate: float | None = 0.5  # failed and quarantined among the settled, then the run stops
    error_rate_after: int = 100  # settled pairs before the rate is judged
    look_ahead: int = 4096  # pairs of the manifest read ahead of the workers, a few MB

    @classmethod
    def asked(cls, **given: float | None) -> Limits:
        """The limits that a user named; None leaves one at its default."""
        named: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return replace(cls(), **named)
