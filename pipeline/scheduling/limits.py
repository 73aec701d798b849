"""By what the schedule judges: every number with its reason."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Times in seconds."""

    solo_deaths: int = 3  # of workers with the pair alone in them, then it is quarantined
    node_losses: int = 3  # machines gone under a pair without notice, then it is suspected
    node_deaths: int = 3  # of different witnesses on one node, then it is avoided
    refusals: int = 3  # times the store may not answer for one pair
    pause_s: float = 15.0  # before such a pair is tried again; the store's own retries come on top
    unwritten: int = 5  # pictures in a row that the output did not take, then the run stops
    pair_s: float | None = None  # a pair's time in a slot
    silence_s: float = 600.0  # a call's time; on a CPU one evaluation at 4096 px takes minutes
    stall_s: float = 1800.0  # without any progress; clusters may take half an hour to find a GPU
    setup_failures: int = 3  # in a row, then the run stops, or waits where other workers work
    setup_pause_s: float = 300.0  # that wait
    error_rate: float | None = None  # failed and quarantined among the settled, then the run stops
    error_rate_after: int = 100  # settled pairs before the rate is judged
    look_ahead: int = 4096  # pairs of the manifest read ahead of the workers, a few MB
