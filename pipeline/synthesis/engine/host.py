"""What this process may use of its machine: cores and memory, as its container limits them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_ROOT = Path("/")
_UNLIMITED = 2**60  # version 1 writes a number near 2^63 where there is no limit


def cores(root: Path = _ROOT) -> int:
    """Of the processors this process may run on, as many as its cgroup has time for; at least 1."""
    try:
        allowed = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        allowed = os.cpu_count() or 1
    quotas = [quota for quota in map(_quota, _folders("cpu", root)) if quota is not None]
    return max(1, min([allowed, *(int(quota) for quota in quotas)]))


def free_memory(root: Path = _ROOT) -> int | None:
    """Bytes that this process may still take: what the machine has, and no more than its cgroups leave.

    None where the system does not tell.
    """
    found = [_available(root), *map(_left, _folders("memory", root))]
    known = [size for size in found if size is not None]
    return min(known, default=None)


def _available(root: Path) -> int | None:
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return 1024 * int(line.split()[1])
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if root == _ROOT else None
    except (AttributeError, ValueError, OSError):  # Windows; macOS has no such name
        return None


def _folders(controller: str, root: Path) -> Iterator[Path]:
    """The cgroup of this process and those around it, of either version, the innermost first.

    In a container `/proc/self/cgroup` may name a path of the host, which is not mounted: then the mount itself counts.
    """
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # version 2
            mount = root / "sys/fs/cgroup"
        elif controller in controllers.split(","):
            mount = root / "sys/fs/cgroup" / controllers
            if not mount.is_dir():
                mount = root / "sys/fs/cgroup" / controller
        else:
            continue
        here = mount / path.strip("/")
        while here != mount:
            yield here
            here = here.parent
        yield mount


def _left(group: Path) -> int | None:
    """Bytes that a cgroup leaves; the cache of files counts as free, for the kernel gives it back."""
    for limit, usage, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        most, used = _number(group / limit), _number(group / usage)
        if most is None or used is None or most >= _UNLIMITED:
            continue
        stat = dict(line.split(maxsplit=1) for line in _text(group / "memory.stat").splitlines() if " " in line)
        return max(0, most - used + int(stat.get(cache, 0)))
    return None


def _quota(group: Path) -> float | None:
    """Processors' worth of time that a cgroup has."""
    parts = _text(group / "cpu.max").split()
    if len(parts) == 2 and parts[0].isdecimal():
        return int(parts[0]) / int(parts[1])
    quota, period = _number(group / "cpu.cfs_quota_us"), _number(group / "cpu.cfs_period_us")
    return quota / period if quota is not None and quota > 0 and period else None


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.lstrip("-").isdecimal() else None


def _text(path: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text()
    return ""
