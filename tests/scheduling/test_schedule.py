"""The schedule by example: what it answers to each accident, with a fake clock."""

from __future__ import annotations

import pytest

from neckar.pipeline.messages.outcome import Outcome
from neckar.pipeline.scheduling.events import (
    Advance,
    Cause,
    Died,
    Joined,
    Kill,
    Placed,
    Release,
    Returned,
    Settle,
    SetupFailed,
    Staffed,
    Start,
    Stop,
    Tick,
)
from neckar.pipeline.scheduling.limits import Limits
from neckar.pipeline.scheduling.schedule import Schedule
from neckar.schemas.errors import ErrorCode
from neckar.schemas.pair import Pair


def pairs(count):
    return [Pair(index, f"p{index}", None, None, None) for index in range(count)]


class Clockwork:
    """A schedule, its clock and everything it has said."""

    def __init__(self, count, *, workers=1, slots=1, nodes=None, joined=None, program=lambda pair: 0, **limits):
        self.now = 0.0
        self.said = []
        self.source = iter(pairs(count))
        self.schedule = Schedule(
            self.source,
            workers=workers,
            program=program,
            cost=lambda pair: 1.0,
            limits=Limits(**limits),
            now=0.0,
            nodes=len(set(nodes or ["n1"])),
        )
        self.tell(Tick())
        for number in range(1, (workers if joined is None else joined) + 1):
            self.tell(Joined(f"worker-{number}", (nodes or ["n1"] * workers)[number - 1], slots))

    def tell(self, event, *, after=1.0):
        self.now += after
        answer = self.schedule.handle(event, self.now)
        self.said += answer
        return answer

    def of(self, kind, answer=None):
        return [command for command in (self.said if answer is None else answer) if isinstance(command, kind)]

    def held(self, worker):
        return list(self.schedule._workers[worker].assignments)

    def finish(self, worker, *indices):
        return self.tell(Returned(worker, tuple(Outcome(i) for i in indices), evaluations=1))

    def die_alone(self, name, cause=Cause.CRASHED):
        """The worker dies, its successor joins; returns what the successor is given."""
        answer = self.tell(Died(name, cause, "SIGSEGV"))
        started = self.of(Start, answer)
        if not started:
            return None, answer
        return started[-1].worker, self.tell(Joined(started[-1].worker, "n1", 1))


def given_to(answer):
    return [pair.index for command in answer if isinstance(command, Advance) for pair in command.pairs]


def test_a_worker_gets_a_double_set_and_two_calls():
    clock = Clockwork(10, slots=2)
    assert clock.held("worker-1") == [0, 1, 2, 3]
    assert len(clock.of(Advance)) == 2
    assert given_to(clock.finish("worker-1", 0, 1)) == [4, 5]


def test_no_more_workers_than_pairs():
    clock = Clockwork(1, workers=8)
    assert len(clock.of(Start)) == 8  # the manifest is not read before a worker is ready
    assert len(clock.of(Release)) == 7
    answer = clock.tell(Died("worker-1", Cause.CRASHED, "SIGKILL"))
    assert len(clock.of(Start, answer)) == 1


def test_a_worker_says_itself_how_much_it_can_hold():
    clock = Clockwork(20, slots=2)
    clock.tell(Returned("worker-1", slots=5))
    assert len(clock.held("worker-1")) == 10


def test_the_end_is_shared_out_evenly():
    clock = Clockwork(4, workers=2, slots=8)
    assert len(clock.held("worker-1")) == len(clock.held("worker-2")) == 2


def test_the_manifest_is_read_no_further_ahead_than_allowed():
    clock = Clockwork(1000, look_ahead=10)
    clock.tell(Tick())
    assert next(clock.source).index == 12  # ten wait, two are with the worker


def test_idle_workers_leave_in_the_tail():
    clock = Clockwork(2, workers=2)
    clock.finish("worker-1", *clock.held("worker-1"))
    assert clock.of(Release, clock.tell(Returned("worker-1"))) == [Release("worker-1")]
    assert not clock.schedule.finished
    clock.finish("worker-2", *clock.held("worker-2"))
    assert clock.schedule.finished


def test_slots_fill_with_one_program():
    clock = Clockwork(8, slots=2, program=lambda pair: pair.index % 2)
    assert clock.held("worker-1") == [0, 2, 4, 6]


def test_a_killer_is_quarantined_after_three_deaths_alone_with_the_reason():
    clock = Clockwork(1)
    name, seen = "worker-1", []
    while name:
        name, answer = clock.die_alone(name)
        seen += clock.of(Settle, answer)
    (settled,) = seen
    assert settled.status == "quarantined"
    assert settled.attempts == 4  # one in the crowd, three alone
    assert settled.code is ErrorCode.WORKER_DIED
    assert "3 workers died with this pair alone in them; the last: SIGSEGV" in settled.message
    assert clock.schedule.finished


def test_suspects_rerun_one_by_one_and_the_innocent_finish():
    clock = Clockwork(3, slots=4)
    name, answer = clock.die_alone("worker-1")
    for _ in range(3):
        (index,) = given_to(answer)
        assert clock.held(name) == [index]
        answer = clock.finish(name, index)
    assert clock.schedule.counts.ok == 3


def test_a_busy_worker_is_emptied_for_suspects_when_no_new_one_comes():
    clock = Clockwork(100, workers=2, setup_failures=1)
    clock.tell(Died("worker-2", Cause.CRASHED, "SIGKILL"))
    clock.tell(SetupFailed("worker-3", "n1", "no device"))  # no successor for a while
    answer = clock.finish("worker-1", clock.held("worker-1")[0])
    assert given_to(answer) == []
    answer = clock.finish("worker-1", clock.held("worker-1")[0])
    assert given_to(answer) == [2]  # a suspect, with no company
    assert clock.held("worker-1") == [2]


def test_a_worker_beside_one_that_asks_for_a_new_process_goes_on_at_once():
    clock = Clockwork(3, workers=2)
    clock.tell(Died("worker-1", Cause.REPLACED, "its device could not be recorded"))
    assert given_to(clock.finish("worker-2", 2)) == [0]


@pytest.mark.parametrize("cause", [Cause.PREEMPTED, Cause.NODE_LOST, Cause.REPLACED])
def test_a_machine_taken_away_makes_no_suspects(cause):
    clock = Clockwork(4, slots=2)
    _, answer = clock.die_alone("worker-1", cause)
    assert given_to(answer) == [0, 1]  # in company again; slots of the new worker is one
    assert clock.of(Settle) == []


@pytest.mark.parametrize("cause", [Cause.PREEMPTED, Cause.NODE_LOST])
def test_what_a_lost_machine_held_does_not_go_to_its_next_worker_to_die(cause):
    """The deaths on it are heard one after the other."""
    clock = Clockwork(3, workers=2)
    assert (clock.held("worker-1"), clock.held("worker-2")) == ([0, 1], [2])
    assert given_to(clock.tell(Died("worker-1", cause, "its machine is gone"))) == []
    clock.tell(Died("worker-2", cause, "its machine is gone"))
    for name in ("worker-3", "worker-4"):
        clock.tell(Joined(name, "n2", 1))
    for name in ("worker-3", "worker-4"):
        clock.finish(name, *clock.held(name))
    assert [settle.attempts for settle in clock.of(Settle)] == [2, 2, 2]


def test_a_worker_beside_a_lost_one_that_answers_after_all_goes_on():
    clock = Clockwork(3, workers=2)
    clock.tell(Died("worker-1", Cause.NODE_LOST, "does not answer"))
    assert given_to(clock.finish("worker-2", 2)) == []  # it may have said that before
    assert given_to(clock.finish("worker-2")) == [0]


@pytest.mark.parametrize("cause", [Cause.PREEMPTED, Cause.REPLACED])
def test_what_is_no_pairs_doing_never_quarantines(cause):
    clock = Clockwork(1)
    name = "worker-1"
    for _ in range(20):
        name, _ = clock.die_alone(name, cause)
    clock.finish(name, 0)
    assert clock.of(Settle)[0].status == "ok"


def test_a_pair_that_takes_machines_down_is_found_in_the_end():
    clock = Clockwork(1)
    name, deaths = "worker-1", 0
    while name:
        name, _ = clock.die_alone(name, Cause.NODE_LOST)
        deaths += 1
    assert clock.of(Settle)[0].status == "quarantined"
    assert deaths == 6  # two forgiven, the third makes it a suspect, three more alone


def test_silence_kills_and_suspects():
    clock = Clockwork(1, silence_s=60)
    assert clock.of(Kill, clock.tell(Tick(), after=50)) == []
    answer = clock.tell(Tick(), after=20)
    assert clock.of(Kill, answer)[0].worker == "worker-1"
    assert "no answer for 70 s" in clock.of(Kill, answer)[0].reason
    for number in (2, 3, 4):
        clock.tell(Joined(f"worker-{number}", "n1", 1))
        clock.tell(Tick(), after=61)
    (settled,) = clock.of(Settle)
    assert (settled.status, settled.code) == ("quarantined", ErrorCode.WORKER_SILENT)


def test_answers_that_lay_unread_count_before_silence_is_judged():
    clock = Clockwork(4, workers=2, silence_s=60)
    clock.tell(Returned("worker-1"), after=600)  # the driver was busy for ten minutes
    clock.tell(Returned("worker-2"), after=0)
    assert clock.of(Kill, clock.tell(Tick(), after=0)) == []


def test_a_pair_over_its_time_is_dropped_once_counting_from_its_slot():
    clock = Clockwork(1, pair_s=100)
    clock.tell(Returned("worker-1"), after=500)  # fetching, not running
    assert all(command.drop == () for command in clock.of(Advance))
    clock.tell(Returned("worker-1", running=(0,)))
    answer = clock.tell(Returned("worker-1", running=(0,)), after=101)
    assert [command.drop for command in clock.of(Advance, answer)] == [(0,)]
    answer = clock.tell(Returned("worker-1", running=(0,)))
    assert [command.drop for command in clock.of(Advance, answer)] == [()]
    clock.tell(Returned("worker-1", (Outcome(0, ErrorCode.DEADLINE_EXCEEDED, "over 100 s"),)))
    assert clock.of(Settle)[0].code is ErrorCode.DEADLINE_EXCEEDED


def test_a_store_that_does_not_answer_is_tried_again_after_a_pause():
    clock = Clockwork(1, pause_s=10)
    refusal = (Outcome(0, ErrorCode.STORE_UNAVAILABLE, "s3://b/x: no answer"),)
    for _ in range(2):
        assert given_to(clock.tell(Returned("worker-1", refusal))) == []
        assert "the store to answer" in clock.schedule.waiting_for()
        clock.tell(Returned("worker-1"))
        assert given_to(clock.tell(Tick(), after=11)) == [0]
    clock.tell(Returned("worker-1", refusal))
    (settled,) = clock.of(Settle)
    assert (settled.status, settled.code, settled.attempts) == ("failed", ErrorCode.STORE_UNAVAILABLE, 3)


def test_an_output_that_takes_nothing_stops_the_run_and_charges_no_pair():
    clock = Clockwork(10, slots=3)
    full = tuple(Outcome(i, ErrorCode.STORE_FULL, "s3://out: full", unwritten=True) for i in clock.held("worker-1"))
    answer = clock.tell(Returned("worker-1", full))
    assert clock.of(Stop, answer) == [Stop("the output takes no pictures: s3://out: full")]
    assert clock.of(Settle) == []


def test_out_of_memory_in_company_means_alone_not_failed():
    clock = Clockwork(2, slots=2)
    clock.tell(Returned("worker-1", (Outcome(0, ErrorCode.OUT_OF_MEMORY, "8 GB"),)))
    answer = clock.finish("worker-1", 1)
    assert given_to(answer) == [0]
    clock.tell(Returned("worker-1", (Outcome(0, ErrorCode.OUT_OF_MEMORY, "8 GB"),)))
    assert [(s.pair.index, s.status) for s in clock.of(Settle)] == [(1, "ok"), (0, "failed")]


def test_setup_failures_in_a_row_end_the_run_with_the_reason():
    clock = Clockwork(5, workers=1)
    clock.tell(Died("worker-1", Cause.PREEMPTED, "gone"))
    for number in (2, 3, 4):
        answer = clock.tell(SetupFailed(f"worker-{number}", "n1", "weights are missing"))
    (stop,) = clock.of(Stop, answer)
    assert stop.reason == "no worker could be made ready, 3 failed in a row: weights are missing"


def test_setup_failures_beside_working_workers_only_pause_the_starts():
    clock = Clockwork(50, workers=2)
    clock.tell(Died("worker-2", Cause.PREEMPTED, "gone"))
    for number in (3, 4, 5):
        answer = clock.tell(SetupFailed(f"worker-{number}", "n1", "no device"))
    assert clock.of(Start, answer) == clock.of(Stop) == []
    assert clock.of(Start, clock.tell(Tick(), after=299)) == []
    assert len(clock.of(Start, clock.tell(Tick(), after=2))) == 1


def test_a_node_where_everyone_dies_is_avoided_and_its_charges_are_forgiven():
    clock = Clockwork(400, workers=2, nodes=["bad", "good"])
    name = "worker-1"
    for _ in range(5):  # twice in company, between them three different pairs alone
        answer = clock.tell(Died(name, Cause.CRASHED, "illegal memory access"))
        (start,) = clock.of(Start, answer)
        name = start.worker
        if not start.avoid:
            clock.tell(Joined(name, "bad", 1))
    assert start.avoid == {"bad"}
    assert clock.of(Settle) == []
    assert "other than bad" in clock.schedule.waiting_for()


def test_a_suspect_reruns_on_another_machine_before_the_same_one():
    clock = Clockwork(400, workers=2, nodes=["bad", "good"])
    clock.tell(Died("worker-1", Cause.CRASHED, "in company"))
    assert given_to(clock.tell(Joined("worker-3", "bad", 1))) == [0]
    clock.tell(Died("worker-3", Cause.CRASHED, "alone"))
    assert given_to(clock.tell(Joined("worker-4", "bad", 1))) == [1]
    clock.finish("worker-4", 1)
    assert 0 not in clock.held("worker-4")
    clock.finish("worker-2", 2)
    assert given_to(clock.finish("worker-2", 3)) == [0]


def test_one_killer_alone_makes_no_node_bad():
    clock = Clockwork(1)
    name = "worker-1"
    while name:
        name, _ = clock.die_alone(name)
    assert all(start.avoid == frozenset() for start in clock.of(Start))


def test_a_cluster_that_grows_gets_more_workers_and_one_that_shrinks_no_new_ones():
    clock = Clockwork(100)
    grown = clock.of(Start, clock.tell(Staffed(3)))
    assert [start.worker for start in grown] == ["worker-2", "worker-3"]
    assert given_to(clock.tell(Joined("worker-2", "n2", 1)))
    clock.tell(Staffed(2))
    assert clock.of(Start, clock.tell(Died("worker-2", Cause.NODE_LOST, "its machine is gone"))) == []


def test_error_rate_is_judged_after_enough_pairs():
    clock = Clockwork(100, slots=50, error_rate=0.5, error_rate_after=10)
    broken = tuple(Outcome(i, ErrorCode.IMAGE_MISSING, "no such file") for i in range(9))
    assert clock.of(Stop, clock.tell(Returned("worker-1", broken))) == []
    answer = clock.tell(Returned("worker-1", (Outcome(9, ErrorCode.IMAGE_MISSING, "no such file"),)))
    assert clock.of(Stop, answer) == [Stop("10 of 10 pairs failed, more than the limit of 50%: image_missing 10")]


def test_standstill_ends_the_run_and_says_what_it_waits_for():
    schedule = Schedule(
        pairs(3),
        workers=2,
        program=lambda pair: 0,
        cost=lambda pair: 1.0,
        limits=Limits(stall_s=100),
        now=0.0,
    )
    schedule.handle(Tick(), 0.0)
    (stop,) = schedule.handle(Tick(), 101.0)
    assert stop.reason.startswith("no progress for 101 s; waiting for 2 worker(s) to start")
    assert schedule.handle(Joined("worker-1", "n1", 1), 102.0) == []  # nothing is begun after the end


def test_evaluations_are_progress():
    clock = Clockwork(3, stall_s=100, silence_s=1e9)
    for _ in range(10):
        clock.tell(Returned("worker-1", evaluations=7), after=90)
        assert clock.of(Stop, clock.tell(Tick())) == []
    assert "worker-1 with p0, p1" in clock.schedule.waiting_for()


def test_a_ghost_changes_nothing():
    clock = Clockwork(3)
    before = clock.held("worker-1")
    clock.tell(Returned("worker-99", (Outcome(0),)))
    clock.tell(Died("worker-99", Cause.CRASHED, "late"))
    clock.tell(Joined("worker-99", "n1", 4))
    assert clock.held("worker-1") == before
    assert clock.of(Settle) == []


def failed(clock, worker, *indices, code=ErrorCode.IMAGE_MISSING, **named):
    return clock.tell(Returned(worker, tuple(Outcome(i, code, f"{code} for {worker}", **named) for i in indices)))


def test_a_node_without_the_inputs_does_not_eat_the_manifest():
    """It answers fastest: everything it fails at is asked of another node, and soon it is avoided."""
    clock = Clockwork(40, workers=2, nodes=["blind", "seeing"])
    for _ in range(40):
        if clock.schedule.finished:
            break
        for _ in range(3):
            if "worker-1" in clock.schedule._workers:
                failed(clock, "worker-1", *clock.held("worker-1"))
        clock.finish("worker-2", *clock.held("worker-2"))
    assert clock.schedule.counts.ok == 40
    assert clock.of(Release)[0].worker == "worker-1"
    assert all(start.avoid == {"blind"} for start in clock.of(Start)[2:])
    assert max(settle.attempts for settle in clock.of(Settle)) == 2


def test_what_is_missing_on_a_second_node_too_has_failed():
    clock = Clockwork(30, workers=2, nodes=["north", "south"])
    assert clock.of(Settle, failed(clock, "worker-1", 0)) == []
    answer = failed(clock, "worker-2", clock.held("worker-2")[0])
    assert 0 in given_to(answer)
    (settled,) = clock.of(Settle, failed(clock, "worker-2", 0))
    assert (settled.status, settled.code, settled.attempts) == ("failed", ErrorCode.IMAGE_MISSING, 2)
    assert settled.message == "image_missing for worker-2"


@pytest.mark.parametrize("placed", [False, True])
def test_a_node_that_is_ready_first_and_blind_has_not_the_last_word(placed):
    """Another gets its worker ready, or may yet get one: what failed waits to be asked of it."""
    clock = Clockwork(3, workers=2, nodes=["blind", "seeing"], joined=1)
    if placed:
        clock.tell(Placed("worker-2", "seeing"))
    for _ in range(2):
        assert clock.of(Settle, failed(clock, "worker-1", *clock.held("worker-1"))) == []
    clock.tell(Tick(), after=20.0)
    assert clock.of(Settle) == []
    clock.tell(Joined("worker-2", "seeing", 1))
    while not clock.schedule.finished:
        clock.finish("worker-2", *clock.held("worker-2"))
    assert clock.schedule.counts.ok == 3


def test_a_node_that_does_not_come_is_not_waited_for():
    clock = Clockwork(3, workers=2, nodes=["blind", "seeing"], joined=1, setup_failures=1)
    clock.tell(Placed("worker-2", "seeing"))
    failed(clock, "worker-1", 0)
    assert clock.of(Settle) == []
    clock.tell(Died("worker-2", Cause.NODE_LOST, "gone"))
    clock.tell(Tick(), after=100.0)
    assert [settled.pair.index for settled in clock.of(Settle)] == [0]


@pytest.mark.parametrize("code", [ErrorCode.IMAGE_UNREADABLE, ErrorCode.NON_FINITE_LOSS])
def test_what_no_place_can_change_is_asked_once(code):
    clock = Clockwork(30, workers=2, nodes=["north", "south"])
    (settled,) = clock.of(Settle, failed(clock, "worker-1", 0, code=code))
    assert settled.attempts == 1


def test_a_node_that_has_made_pictures_is_not_avoided_for_some_it_could_not_read():
    clock = Clockwork(60, workers=2, nodes=["north", "south"])
    clock.finish("worker-1", 0)
    for _ in range(6):
        failed(clock, "worker-1", clock.held("worker-1")[0])
        clock.finish("worker-2", *clock.held("worker-2"))
    assert clock.schedule._faults.avoided == set()


def test_a_second_node_that_goes_away_leaves_the_first_one_s_word():
    clock = Clockwork(2, workers=2, nodes=["north", "south"])
    failed(clock, "worker-1", 0)
    clock.tell(Died("worker-2", Cause.PREEMPTED, "gone"))
    assert clock.of(Settle, clock.tell(Tick())) == []  # another may yet come
    (settled,) = clock.of(Settle, clock.tell(Tick(), after=60.0))
    assert (settled.pair.index, settled.worker, settled.attempts) == (0, "worker-1", 1)


def test_one_node_that_cannot_write_ends_no_run():
    clock = Clockwork(200, workers=2, nodes=["full", "empty"])
    for _ in range(20):
        if "worker-1" in clock.schedule._workers:
            failed(clock, "worker-1", *clock.held("worker-1"), code=ErrorCode.STORE_FULL, unwritten=True)
        clock.finish("worker-2", *clock.held("worker-2"))
    assert clock.of(Stop) == []
    assert clock.schedule._faults.avoided == {"full"}
    assert clock.schedule.counts.failed == 0


def test_an_output_that_takes_nothing_from_any_node_ends_the_run_after_a_while():
    clock = Clockwork(200, workers=2, nodes=["north", "south"], pause_s=1, unwritten_s=30)
    for _ in range(100):
        for name in ("worker-1", "worker-2"):
            failed(clock, name, *clock.held(name), code=ErrorCode.STORE_FULL, unwritten=True)
        if clock.of(Stop):
            break
    assert clock.of(Stop)[0].reason.startswith("the output takes no pictures")
    assert 30 <= clock.now < 60
    assert clock.of(Settle) == []


def test_three_broken_machines_of_many_end_no_run_before_its_first_success():
    clock = Clockwork(100, workers=0)
    clock.tell(Staffed(20, nodes=20))
    for number in range(1, 10):
        node = f"broken-{number % 3}"
        clock.tell(Placed(f"worker-{number}", node))
        clock.tell(SetupFailed(f"worker-{number}", node, "no driver"))
    assert clock.of(Stop) == []
    assert clock.of(Start)[-1].avoid == {"broken-0", "broken-1", "broken-2"}
    clock.tell(Joined("worker-10", "sound", 1))
    assert clock.held("worker-10") == [0, 1]


def test_setups_that_fail_on_every_machine_end_the_run():
    clock = Clockwork(100, workers=0)
    clock.tell(Staffed(2, nodes=2))
    for number, node in enumerate(["a", "b"] * 3, start=1):
        assert clock.of(Stop) == []
        clock.tell(SetupFailed(f"worker-{number}", node, "no driver"))
    assert clock.of(Stop) == [Stop("no worker could be made ready, 6 failed in a row on 2 machines: no driver")]


def test_a_worker_that_hangs_before_it_is_ready_is_killed():
    clock = Clockwork(3, workers=0, setup_s=100, stall_s=1e9)
    clock.tell(Staffed(1))
    assert clock.of(Kill, clock.tell(Tick(), after=1000)) == []  # it waits for a machine
    clock.tell(Placed("worker-1", "n1"))
    assert clock.of(Kill, clock.tell(Tick(), after=99)) == []
    (kill,) = clock.of(Kill, clock.tell(Tick(), after=2))
    assert kill.reason == "not ready after 101 s"
    assert clock.of(Start)[-1].worker == "worker-2"


def test_a_machine_that_goes_away_leaves_only_those_where_no_setup_succeeds():
    clock = Clockwork(100, workers=0)
    clock.tell(Staffed(1, nodes=2))
    for number in (1, 2, 3):
        clock.tell(SetupFailed(f"worker-{number}", "a", "no driver"))
    assert clock.of(Stop) == []
    assert clock.of(Start)[-1].avoid == {"a"}
    (stop,) = clock.of(Stop, clock.tell(Staffed(1, nodes=1)))
    assert stop.reason == "no worker could be made ready, 3 failed in a row: no driver"
