"""What an event costs the schedule, with ten workers and with a thousand, in one run."""

from __future__ import annotations

import time

import pytest

from neckar.pipeline.messages.outcome import Outcome
from neckar.pipeline.scheduling.events import Advance, Joined, Returned, Start, Tick
from neckar.pipeline.scheduling.limits import Limits
from neckar.pipeline.scheduling.schedule import Schedule
from neckar.schemas.pair import Pair

pytestmark = pytest.mark.bench

EVENTS = 20_000
SLOTS = 4


def microseconds_an_event(workers: int) -> float:
    """Every call of every worker in turn, each with one pair done, and a tick for every hundred."""
    source = (Pair(index, f"p{index}", None, None, None) for index in range(10**9))
    schedule = Schedule(
        source, workers=workers, program=lambda pair: pair.index % 7, cost=lambda pair: 1.0, limits=Limits(), now=0.0
    )
    held: dict[str, list[int]] = {}
    turn: list[str] = []

    def obey(commands):
        for command in commands:
            if isinstance(command, Advance):
                held[command.worker] += [pair.index for pair in command.pairs]
                turn.append(command.worker)

    for start in [command for command in schedule.handle(Tick(), 0.0) if isinstance(command, Start)]:
        held[start.worker] = []
        obey(schedule.handle(Joined(start.worker, f"node-{len(held) // 8}", SLOTS), 0.0))
    begin = time.perf_counter()
    for number in range(EVENTS):
        name = turn[number]
        outcomes = (Outcome(held[name].pop(0)),) if held[name] else ()
        running = tuple(held[name][:SLOTS])
        obey(schedule.handle(Returned(name, outcomes, running, evaluations=1, slots=SLOTS), number / 1000))
        if number % 100 == 0:
            obey(schedule.handle(Tick(), number / 1000))
    return 1e6 * (time.perf_counter() - begin) / EVENTS


def test_an_event_costs_the_same_with_a_thousand_workers():
    for round_ in range(3):
        few, many = microseconds_an_event(10), microseconds_an_event(1000)
        print(f"\n{round_ + 1}: {few:.0f} us an event with 10 workers, {many:.0f} with 1,000: {many / few:.2f} times")
