"""How Ray starts, where its own ways would cost seconds or spoil an output; what a Ray lacks of this is left alone."""

from __future__ import annotations

import importlib
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from neckar.schemas.errors import UserError

log = logging.getLogger(__name__)

FOLDER_MAX = 42  # of the 107 bytes of a socket's name, without session_2026-01-02_03-04-05_678901_12345/sockets/...

_AUTH_MODE, _AUTH_TOKEN, _AUTH_PATH = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"

# Of Ray's own processes, those whom a cluster of one machine and one driver never asks: with them its start takes 1.5 s
# longer, its end 1.0 s, and its memory 0.2 GB more. Methods of ray._private.node.Node.
_SPARED = ("start_api_server", "start_monitor", "start_log_monitor")

# Likewise, what starts the node. Ray asks for it after a tenth of a second, then once a second; it takes half of one.
_STARTED = "start_ray_processes"
REGISTERED_S = 5.0  # from then on the waiting is Ray's


def session_folder() -> str | None:
    """A folder for the files and sockets of a Ray that starts here; None where Ray's own choice will do.

    Raises:
        UserError: no folder is short and writable.
    """
    own = Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp", "ray")  # noqa: S108  # as Ray does
    if _holds_sockets(own):
        return None
    for parent in ("/tmp", "/dev/shm", "/var/tmp"):  # noqa: S108  # a folder of the user's own in it
        folder = Path(parent, f"neckar-ray-{os.getuid()}")
        if _holds_sockets(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            return str(folder)
    mend = f"set RAY_TMPDIR to a folder that can be written, with a name of {FOLDER_MAX} characters at most"
    raise UserError.at(f"{own.parent}", f"Ray cannot have its sockets there; {mend}")


def _holds_sockets(folder: Path) -> bool:
    """Whether it is there, or can be made, and is ours to write, and is short enough. Nothing is left of a trial."""
    if len(str(folder)) > FOLDER_MAX:
        return False
    if folder.exists():
        return os.access(folder, os.W_OK | os.X_OK)
    try:
        folder.mkdir()
        folder.rmdir()
    except OSError:
        return False
    return True


class Authentication:
    """What Ray makes of this process's authentication ends with the session that it was made for.

    A Ray that starts here asks for a token, so that nobody else on the machine takes it for his. It would write one
    into the user's home for all to come, and switch this process to it: a cluster without tokens that is joined later
    would then lose every worker. Here the token is of this one session, in its environment.
    """

    def __init__(self) -> None:
        self._before = {name: os.environ.get(name) for name in (_AUTH_MODE, _AUTH_TOKEN)}

    def take_token(self) -> Self:
        """For a Ray that starts here, where the user has said nothing of it."""
        if not any(os.environ.get(name) for name in (_AUTH_MODE, _AUTH_TOKEN, _AUTH_PATH)):
            os.environ[_AUTH_TOKEN] = secrets.token_hex(32)
            _read_again()
        return self

    def end(self) -> None:
        """As before the session."""
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _read_again()


def _read_again() -> None:
    """Ray keeps mode and token from its first look; another Ray may keep them elsewhere, or nowhere."""
    with suppress(ImportError, AttributeError):
        raylet: Any = importlib.import_module("ray._raylet")  # it has no types
        raylet.Config.initialize("")
        raylet.AuthenticationTokenLoader.instance().reset_cache()


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


def dead_processes() -> list[str]:
    """Those of the Ray that this process started which have ended: without any one of them nothing goes on.

    To be asked before anything of Ray's: without its head Ray ends this process after a minute.
    """
    from ray._private import worker  # noqa: PLC0415  # Ray reads its environment when imported

    node: Any = getattr(worker, "_global_node", None)  # another Ray may have other names
    return [str(kind) for kind, _ in node.dead_processes()] if hasattr(node, "dead_processes") else []


def keep_quiet() -> None:
    """Ray prints every worker's death on our standard output, `log_to_driver` or not: among the JSON lines there."""
    from ray._private import worker  # noqa: PLC0415  # Ray reads its environment when imported

    def print_to_log(data: dict[str, Any], **_: Any) -> None:
        log.debug("%s: %s", data.get("pid"), " ".join(data.get("lines", ())))

    worker.print_to_stdstream = print_to_log
