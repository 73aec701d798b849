from __future__ import annotations

from dataclasses import replace

import pytest

from neckar.pipeline.driver.staffing import Machine, Staffing, staff


@pytest.mark.parametrize(
    ("machines", "wanted", "expected"),
    [
        ([Machine(2, 0)], None, Staffing(1, gpus=0, cpus=2, threads=2)),
        ([Machine(6, 0)], None, Staffing(1, gpus=0, cpus=6, threads=6)),
        ([Machine(16, 0)], None, Staffing(4, gpus=0, cpus=4, threads=4, neighbours=4)),
        ([Machine(16, 0)], 2, Staffing(2, gpus=0, cpus=8, threads=8, neighbours=2)),
        ([Machine(2, 0)], 3, Staffing(3, gpus=0, cpus=0.6666, threads=1, neighbours=3)),
        ([Machine(0, 0), Machine(8, 0), Machine(4, 0)], None, Staffing(3, gpus=0, cpus=4, threads=4, neighbours=2)),
        ([Machine(16, 1)], None, Staffing(1, gpus=1, cpus=0, threads=16)),
        ([Machine(0, 0), Machine(32, 4), Machine(32, 4)], None, Staffing(8, gpus=1, cpus=0, threads=8)),
        ([Machine(32, 4)], 2, Staffing(2, gpus=1, cpus=0, threads=8)),
        ([Machine(0, 0)], 6, Staffing(6, gpus=1, cpus=0, threads=1)),  # a head alone: GPU nodes come when asked for
    ],
)
def test_workers_and_what_each_may_use(machines, wanted, expected):
    assert staff(machines, wanted) == replace(expected, steady=wanted is not None)


@pytest.mark.parametrize("cores", range(1, 100, 7))
@pytest.mark.parametrize("wanted", [None, 1, 3, 50])
def test_what_is_asked_for_fits(cores, wanted):
    staffing = staff([Machine(cores, 0)], wanted)
    assert 0 < staffing.workers * staffing.cpus <= cores
    assert staffing.cpus < 1 or staffing.cpus == int(staffing.cpus)
