"""Ray's own processes of a run on one machine are ended from outside: its head, its raylet, both agents."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.chaos.engine import FOLDER, alive, diaries
from tests.chaos.stage import audit, start_driver, write_manifest

pytestmark = [pytest.mark.slow, pytest.mark.chaos, pytest.mark.timeout(300)]

PAIRS = 300
ITERATIONS = 40
EVERY = ["gcs_server", "raylet", "ray::DashboardAgent", "ray::RuntimeEnvAgent"]


@pytest.fixture
def diary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "diaries"
    folder.mkdir()
    monkeypatch.setenv(FOLDER, str(folder))
    return folder


@pytest.fixture
def start(tmp_path: Path, diary_folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """A driver with a Ray of its own and two workers, once pictures are being made."""
    started = []

    def start(pairs: int = PAIRS, **options) -> subprocess.Popen[str]:
        manifest = write_manifest(tmp_path, range(1000, 1000 + pairs), iterations=ITERATIONS)
        driver = start_driver(manifest, str(tmp_path / "run"), workers=2, slots=2, **options)
        started.append(driver)
        until(lambda: sum(entry.event == "end" for entry in diaries(diary_folder)) > 5, 60)
        return driver

    yield start
    for driver in started:
        if driver.poll() is None:
            os.killpg(driver.pid, signal.SIGKILL)
        driver.communicate()


def until(true: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def below(pid: int) -> Iterator[tuple[int, str]]:
    """Every process that descends from one, with its command."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    processes = [line.split(None, 2) for line in listed.splitlines()[1:]]
    for number, parent, command in processes:
        if int(parent) == pid:
            yield int(number), command
            yield from below(int(number))


def one(driver: subprocess.Popen[str], name: str) -> int | None:
    """Id of the driver's living process of a name."""
    found = [pid for pid, command in below(driver.pid) if name in command.split()[0] and "<defunct>" not in command]
    return found[0] if len(found) == 1 else None


def end_one(driver: subprocess.Popen[str], name: str) -> None:
    """Kill the driver's process of a name."""
    pid = one(driver, name)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("name", EVERY)
def test_one_that_dies_costs_no_pair_and_no_minutes(tmp_path, start, diary_folder, name):
    driver = start()
    before = set(alive(diary_folder))
    end_one(driver, name)
    _, told = driver.communicate(timeout=150)
    assert driver.returncode == 0, told
    found = audit(str(tmp_path / "run"), PAIRS)
    assert (found.lost, found.duplicated) == (0, 0)
    assert not before & set(alive(diary_folder))
    if name in {"gcs_server", "raylet"}:
        assert "has died; it is started again" in told


def test_one_that_dies_again_and_again_ends_the_run_with_its_reason(start, diary_folder):
    driver = start(pairs=5000)

    def works() -> bool:
        """Whether a worker of the raylet that lives now has begun."""
        raylet = one(driver, "raylet")
        return raylet is not None and bool({pid for pid, _ in below(raylet)} & set(alive(diary_folder)))

    for _ in range(3):
        until(works, 60)
        end_one(driver, "raylet")
    _, told = driver.communicate(timeout=60)
    assert driver.returncode == 3, told
    assert "Ray's raylet on this machine has died, 3 times in this run" in told.splitlines()[-1]


@pytest.mark.parametrize("name", ["the driver", "raylet"])
def test_a_worker_without_its_driver_or_its_node_ends_within_seconds(start, diary_folder, name):
    driver = start()
    workers = alive(diary_folder)
    assert workers
    if name == "raylet":
        end_one(driver, name)
    else:
        os.kill(driver.pid, signal.SIGKILL)
    until(lambda: not set(workers) & set(alive(diary_folder)), 10)
