"""How Ray starts, where its own ways would cost seconds or spoil an output; what a Ray lacks of this is left alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
