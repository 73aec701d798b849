"""What a container leaves: made-up systems of files, as Linux shows its limits."""

from __future__ import annotations

import os

import pytest

from neckar.pipeline.synthesis.engine import host

GIB = 2**30


@pytest.fixture
def machine(tmp_path):
    """Writes files below a root; the machine itself has 64 GiB free."""

    def write(files):
        for path, text in {"proc/meminfo": f"MemAvailable: {64 * 2**20} kB\n", **files}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return tmp_path

    return write


def v2(path, limit, used, cache=0):
    here = f"sys/fs/cgroup{path}"
    return {
        f"{here}/memory.max": f"{limit}\n",
        f"{here}/memory.current": f"{used}\n",
        f"{here}/memory.stat": f"anon 5\ninactive_file {cache}\n",
    }


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, 64 * GIB),
        ({"proc/self/cgroup": "0::/\n", **v2("", "max", GIB)}, 64 * GIB),
        ({"proc/self/cgroup": "0::/\n", **v2("", 8 * GIB, 3 * GIB, GIB)}, 6 * GIB),
        # a limit around this group counts too
        ({"proc/self/cgroup": "0::/a/b\n", **v2("/a/b", "max", GIB), **v2("/a", 4 * GIB, GIB)}, 3 * GIB),
        # a container whose path on the host is not mounted
        ({"proc/self/cgroup": "0::/docker/12ab\n", **v2("", 2 * GIB, GIB)}, GIB),
        (
            {
                "proc/self/cgroup": "5:memory:/job\n4:cpu,cpuacct:/job\n",
                "sys/fs/cgroup/memory/job/memory.limit_in_bytes": f"{5 * GIB}\n",
                "sys/fs/cgroup/memory/job/memory.usage_in_bytes": f"{2 * GIB}\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{2 * GIB}\n",
            },
            3 * GIB,
        ),
        ({"proc/self/cgroup": "0::/\n", **v2("", GIB, 2 * GIB)}, 0),
    ],
)
def test_free_memory(machine, files, free):
    assert host.free_memory(machine(files)) == free


def test_a_system_that_does_not_tell(tmp_path):
    assert host.free_memory(tmp_path) is None
    assert host.cores(tmp_path) >= 1


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "350000 100000\n"}, 3),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/job\n",
                "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "200000\n",
                "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
            },
            2,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/job\n",
                "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
            },
            8,
        ),
    ],
)
def test_cores(machine, monkeypatch, files, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    assert host.cores(machine(files)) == cores
