"""A thousand workers and every accident, simulated: real ones would need a hundred machines."""

from __future__ import annotations

import random
import time

import pytest

from tests.chaos.stage import LONG
from tests.chaos.test_kills import SEED
from tests.scheduling.test_schedule_properties import KINDS, live_through

pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.timeout(600)]

WORKERS = 1000
PAIRS = 20_000 if LONG else 4000
STEPS = 20_000 if LONG else 4000


def test_a_thousand_workers_lose_no_pair():
    print(f"\nNECKAR_CHAOS_SEED={SEED}")
    chance = random.Random(SEED)
    kinds = chance.choices(KINDS + ("good",) * 20, k=PAIRS)
    begin = time.monotonic()
    world = live_through(kinds, WORKERS, chance, STEPS)
    print(
        f"{PAIRS} pairs, {WORKERS} workers, {STEPS} steps of accidents: {world.schedule.counts};"
        f" {time.monotonic() - begin:.0f} s"
    )
