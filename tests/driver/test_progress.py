from __future__ import annotations

import pytest

from neckar.pipeline.driver.progress import RATE_WINDOW_S, Pace, ProgressReporter
from neckar.schemas.status import Counts


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_what_was_settled_earlier_counts_but_not_for_the_rate():
    seen, clock = [], Clock()
    reporter = ProgressReporter(seen.append, clock=clock)
    reporter.total, reporter.before = 1000, Counts(ok=480, failed=20)
    reporter.report(Counts(), in_flight=4, under_way=0.0, workers=1, waiting_for="")
    clock.now = 10.0
    reporter.report(Counts(ok=45, failed=5), in_flight=4, under_way=0.0, workers=1, waiting_for="worker-1")
    last = seen[-1]
    assert (last.ok, last.failed, last.settled, last.total) == (525, 25, 550, 1000)
    assert last.rate == pytest.approx(5.0)
    assert last.eta_s == pytest.approx(90.0)
    assert seen[0].rate is seen[0].eta_s is None


def test_after_the_work_the_counts_stay():
    seen = []
    reporter = ProgressReporter(seen.append)
    reporter.report(Counts(ok=3), in_flight=0, under_way=0.0, workers=1, waiting_for="")
    reporter.say("the results to be compacted")
    assert (seen[-1].ok, seen[-1].waiting_for) == (3, "the results to be compacted")


def test_the_rate_is_that_of_the_last_minutes():
    pace = Pace()
    for second in range(3000):
        settled = second if second < 2000 else 2000 + 10 * (second - 2000)
        pace.note(float(second), settled)
    assert pace.rate(2999.0, 2000 + 9990) == pytest.approx(10.0, rel=0.01)
    assert len(pace._marks) <= RATE_WINDOW_S + 2


def test_pairs_under_way_move_the_rate_before_the_first_is_settled():
    """A single pair of ten minutes shows its rate and its end after the first evaluations."""
    seen, clock = [], Clock()
    reporter = ProgressReporter(seen.append, clock=clock)
    reporter.total = 3
    reporter.report(Counts(), in_flight=2, under_way=0.0, workers=1, waiting_for="")
    clock.now = 60.0
    reporter.report(Counts(), in_flight=2, under_way=0.5, workers=1, waiting_for="")
    assert seen[-1].settled == 0
    assert seen[-1].eta_s == pytest.approx(2.5 / 0.5 * 60.0)
