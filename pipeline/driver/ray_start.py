"""How Ray starts, where its own ways would cost seconds or spoil an output; what a Ray lacks of this is left alone."""

from __future__ import annotations

import logging
import site
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

# Of Ray's own processes, those whom a cluster of one machine and one driver never asks: with them its start takes 1.5 s
# longer, its end 1.0 s, and its memory 0.2 GB more. Methods of ray._private.node.Node.
_SPARED = ("start_api_server", "start_monitor", "start_log_monitor")

# Likewise, what starts the node. Ray asks for it after a tenth of a second, then once a second; it takes half of one.
_STARTED = "start_ray_processes"
REGISTERED_S = 5.0  # from then on the waiting is Ray's


@contextmanager
def brisk() -> Iterator[None]:
    """Ray starts without the dashboard, which it starts wherever it is switched off too, autoscaler and log monitor.

    And it does not sleep through its node's registration.
    """
    from ray._private.node import Node  # noqa: PLC0415  # Ray reads its environment when imported

    own = {name: getattr(Node, name) for name in (*_SPARED, _STARTED) if hasattr(Node, name)}  # another Ray may differ
    for name, method in own.items():
        setattr(Node, name, _until_registered(method) if name == _STARTED else lambda *_, **__: None)
    try:
        yield
    finally:
        for name, method in own.items():
            setattr(Node, name, method)


def _until_registered(start: Callable[..., None]) -> Callable[..., None]:
    def started(node: Any, *arguments: Any, **named: Any) -> None:
        start(node, *arguments, **named)
        until = time.monotonic() + REGISTERED_S
        with suppress(Exception):  # whatever is wrong, Ray asks next, and tells
            while not node.get_gcs_client().get_all_node_info() and time.monotonic() < until:
                time.sleep(0.02)

    return started


def keep_quiet() -> None:
    """Ray prints every worker's death on our standard output, `log_to_driver` or not: among the JSON lines there."""
    from ray._private import worker  # noqa: PLC0415  # Ray reads its environment when imported

    def print_to_log(data: dict[str, Any], **_: Any) -> None:
        log.debug("%s: %s", data.get("pid"), " ".join(data.get("lines", ())))

    worker.print_to_stdstream = print_to_log


def modules_as_here() -> Any:
    """A job's configuration by which workers look for modules where this process does.

    Ray has them look in the caller's directory before all others: a folder `jobs` or `pipeline` of his would be taken
    for ours, and a source tree for what is installed, without its kernels in C.
    """
    from ray.job_config import JobConfig  # noqa: PLC0415  # Ray reads its environment when imported

    class AsHere(JobConfig):  # type: ignore[misc]
        def _runtime_env_has_working_dir(self) -> bool:
            return True  # where Ray adds no directory of its own accord

    config = AsHere()
    config._py_driver_sys_path = added_paths()[::-1]  # noqa: SLF001  # each is put before the one before it
    return config


def added_paths() -> list[str]:
    """Where modules are looked for here, in that order, but for the directories that come with Python."""
    own = [*sysconfig.get_paths().values(), *site.getsitepackages(), site.getusersitepackages()]
    found = [Path(path).absolute() for path in sys.path]  # "" is the current one
    return [str(path) for path in found if path.exists() and not any(map(path.is_relative_to, own))]
