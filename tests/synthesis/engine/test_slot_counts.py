"""How many images at a time."""

from __future__ import annotations

import pytest
import torch

from neckar.pipeline.synthesis.engine import memory
from neckar.pipeline.synthesis.engine.slot_counts import SlotCounts
from neckar.pipeline.synthesis.task import Program

CPU = torch.device("cpu")


def program(side):
    return Program(side, side, (), ("conv1_1",))


@pytest.fixture
def free(monkeypatch):
    """Says how many slots fit."""
    room = {}
    monkeypatch.setattr(memory, "slots_that_fit", lambda *_: room.get("slots"))
    return room


@pytest.mark.parametrize(("side", "a_thread"), [(1024, 1), (256, 2), (64, 9)])
def test_small_images_need_company(free, side, a_thread):
    assert SlotCounts(CPU, None).of(program(side)) == a_thread * torch.get_num_threads()


def test_no_more_than_fit_and_settled_at_the_first_asking(free):
    free["slots"] = 3
    counts = SlotCounts(CPU, 8)
    assert counts.of(program(64)) == 3
    free["slots"] = 1
    assert counts.of(program(64)) == 3
    assert counts.of(program(128)) == 1


def test_halved_until_one_is_left(free):
    counts = SlotCounts(CPU, 5)
    halved = [(counts.halve(program(64), "full"), counts.of(program(64))) for _ in range(3)]
    assert halved == [(True, 2), (True, 1), (False, 1)]
