"""Ray: workers are started, called, heard and killed by name. Only `ray_start` imports Ray beside this."""

from __future__ import annotations

import logging
import os
import re
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import TracebackType
from typing import Any, Self

from neckar.pipeline.driver.endings import Stopped
from neckar.pipeline.driver.ray_start import Authentication, brisk, dead_processes, keep_quiet, session_folder
from neckar.pipeline.driver.staffing import Machine, Staffing
from neckar.pipeline.messages.setup import WORKER, load
from neckar.pipeline.scheduling.events import Cause
from neckar.schemas.errors import UserError

log = logging.getLogger(__name__)

OBJECT_STORE_BYTES = 256 << 20  # rows and their traces pass through it, never pictures
RESTARTS_MAX = 2  # of a Ray of our own, in one run
CONNECT_S = 10.0  # for a cluster's head to take a connection
LOCKED_OUT = (  # `ray start` of 2.60 asks for a token where ~/.ray/auth_token exists, and tells its clients nothing
    "if it asks for a token, set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH to a file with its head's token"
)
MESSAGE_MAX = 300  # characters of a death's message: it ends up in a row

_LOCATE = "locate"  # the first call of every worker

# ray.nodes()[i]["DeathReason"], from gcs.proto: an unexpected end is 2
_TAKEN_AWAY = {1, 3, 4}  # expected termination, drained for preemption, drained idle
_NODE_GONE = "its node has died"  # Ray's words for a worker that was not yet placed in our books


def cluster_address(given: str | None) -> str | None:
    """The cluster to join: as given, else that of RAY_ADDRESS, which a Ray job finds set; None starts a Ray here.

    An http address is left alone: it is where `ray job submit` sends its jobs, and no place for a driver.
    """
    named = os.environ.get("RAY_ADDRESS", "")
    return given or (None if named.startswith(("http://", "https://")) else named or None)


@dataclass(frozen=True, slots=True)
class Answer:
    """A call came back."""

    worker: str
    value: Any


@dataclass(frozen=True, slots=True)
class Located:
    """The value of a worker's first answer: its process runs on this node."""

    node: str


@dataclass(frozen=True, slots=True)
class Loss:
    """A call did not come back, or raised: the worker is gone or must go.

    Attributes:
        node: id of its machine; empty where that was never known.
        cause: of the end.
        message: one line.
        raised: the exception of a call that raised; None where the process died.
    """

    worker: str
    node: str
    cause: Cause
    message: str
    raised: BaseException | None


class Cluster:
    """A Ray session with the workers of this run. A context manager.

    Args:
        address: of a cluster to join; None starts Ray on this machine, on the loopback interface alone.
        started_again: is called after a Ray of our own was: it has taken the signals.
    """

    def __init__(self, address: str | None, *, started_again: Callable[[], None] = lambda: None) -> None:
        self._address = address
        self._started_again = started_again
        self._restarts = 0
        self._handles: dict[str, Any] = {}
        self._avoided: dict[str, frozenset[str]] = {}
        self._machines: dict[str, Machine] = {}
        self._nodes: dict[str, str] = {}  # Ray's id of each worker's machine, once it is known
        self._calls: dict[Any, tuple[str, str]] = {}  # object reference → worker, method

    def __enter__(self) -> Self:
        self._authentication = Authentication()
        try:
            return self._connected()
        except BaseException:  # an interruption too: what has started of Ray must end with us
            if "ray" in sys.modules:
                sys.modules["ray"].shutdown()
                self._authentication.end()
            raise

    def _connected(self) -> Self:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent to anybody
        if self._address is None:
            # The one switch that keeps Ray on loopback; _node_ip_address alone is replaced by an outer address.
            os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        import ray  # noqa: PLC0415  # reads its environment when imported, and takes a second

        self._ray = ray
        keep_quiet()
        silent = {"log_to_driver": False, "logging_level": logging.ERROR}
        if self._address is None:
            self._authentication.take_token()
            with brisk():
                ray.init(
                    address="local",  # without it Ray joins whatever cluster was last started on this machine
                    _node_ip_address="127.0.0.1",
                    include_dashboard=False,
                    object_store_memory=OBJECT_STORE_BYTES,
                    _temp_dir=session_folder(),
                    **silent,
                )
            return self
        _see_listener(self._address)
        try:
            ray.init(address=self._address, **silent)
        except (ConnectionError, ValueError, RuntimeError) as error:
            told = f"no Ray cluster answers there: {_in_a_line(str(error))}; {LOCKED_OUT}"
            raise UserError.at(f"--address {self._address}", told) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for name in list(self._handles):
            self.dismiss(name)
        self._ray.shutdown()
        self._authentication.end()

    @property
    def machines(self) -> list[Machine]:
        """The nodes that are alive."""
        alive = [node for node in self._ray.nodes() if node["Alive"]]
        return [_machine(node["Resources"], node["NodeID"]) for node in alive]

    def machine(self, node: str) -> Machine | None:
        """The node of this id, as it was when it was first asked for; None where nobody knows it."""
        if node not in self._machines:
            self._machines |= {machine.node: machine for machine in self.machines}
        return self._machines.get(node)

    @property
    def launching(self) -> bool | None:
        """Whether the cluster's autoscaler is starting a machine; None where it does not tell."""
        from ray.autoscaler.v2.sdk import get_cluster_status  # noqa: PLC0415  # as Ray itself

        try:
            status = get_cluster_status(self._ray.get_runtime_context().gcs_address)
        except Exception:  # noqa: BLE001  # an older Ray or autoscaler: whatever it is, it does not tell
            return None
        if status.stats.autoscaler_version in (None, "0"):  # the older autoscaler, or none
            return None
        return bool(status.pending_launches or status.pending_nodes)

    @property
    def alone(self) -> bool:
        """Whether it is this machine and no other: a Ray of our own."""
        return self._address is None

    @property
    def busy(self) -> bool:
        """Whether calls are in flight."""
        return bool(self._calls)

    def start(self, name: str, staffing: Staffing, *, avoid: frozenset[str]) -> None:
        """Start a worker process; its first answer is where it is.

        Args:
            name: of the worker, never used before.
            staffing: what it may use.
            avoid: ids of nodes it may not be placed on.
        """
        options: dict[str, Any] = {"num_cpus": staffing.cpus, "num_gpus": staffing.gpus}
        if avoid:
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(sorted(avoid))})"}
        actor = self._ray.remote(load(WORKER)).options(max_restarts=0, max_task_retries=0, **options)
        self._handles[name] = actor.remote(name)
        self._avoided[name] = avoid
        self.call(name, _LOCATE)

    def ask_again(self, staffing: Staffing) -> None:
        """Have all workers that are not placed yet ask for something else."""
        for name in [name for name in self._handles if name not in self._nodes]:
            avoid = self._avoided[name]
            self.dismiss(name)
            self.start(name, staffing, avoid=avoid)

    def node(self, name: str) -> str:
        """Id of a worker's machine; empty while it is not placed."""
        return self._nodes.get(name, "")

    def call(self, name: str, method: str, *arguments: Any) -> None:
        """Call a worker; `hear` brings the answer.

        Nothing happens for one whose loss `hear` has just brought behind another answer of its own.
        """
        handle = self._handles.get(name)
        if handle is not None:
            self._calls[getattr(handle, method).remote(*arguments)] = (name, method)

    def dismiss(self, name: str) -> None:
        """End a worker's process now; nothing more is heard of it."""
        self._calls = {call: known for call, known in self._calls.items() if known[0] != name}
        self._nodes.pop(name, None)
        self._avoided.pop(name, None)
        handle = self._handles.pop(name, None)
        if handle is not None:
            self._ray.kill(handle, no_restart=True)

    def hear(self, timeout_s: float) -> list[Answer | Loss]:
        """All that has come back; waits for a first word. Workers of a `Loss` are dismissed already.

        A Ray of our own of which a process has died is started again.

        Raises:
            Stopped: it has died too often.
        """
        if self.alone and (dead := dead_processes()):
            return self._start_again(dead)
        if not self._calls:
            time.sleep(timeout_s)
            return []
        self._ray.wait(list(self._calls), num_returns=1, timeout=timeout_s)
        ready, _ = self._ray.wait(list(self._calls), num_returns=len(self._calls), timeout=0)
        heard: list[Answer | Loss] = []
        for call in ready:
            if call not in self._calls:
                continue  # its worker was dismissed a moment ago
            name, method = self._calls.pop(call)
            try:
                value = self._ray.get(call)
                if method == _LOCATE:
                    self._nodes[name] = value
                    value = Located(value)
                heard.append(Answer(name, value))
            except self._ray.exceptions.RayError as error:
                heard.append(self._loss(name, error))
                self.dismiss(name)
        return heard

    def _start_again(self, dead: list[str]) -> list[Answer | Loss]:
        """A new Ray, in which all workers of the old one are lost; they end themselves."""
        told = f"Ray's {' and '.join(dead)} on this machine has died"
        self._restarts += 1
        if self._restarts > RESTARTS_MAX:
            mend = (
                "is its memory used up, or does something end it? Its last words are under /tmp/ray/session_latest/logs"
            )
            raise Stopped(f"{told}, {self._restarts} times in this run; {mend}")
        log.warning("%s; it is started again", told)
        lost: list[Answer | Loss] = [Loss(name, self.node(name), Cause.NODE_LOST, told, None) for name in self._handles]
        self._handles.clear()
        self._nodes.clear()
        self._calls.clear()
        self._ray.shutdown()
        self._authentication.end()
        self._connected()
        self._started_again()
        return lost

    def _loss(self, name: str, error: Exception) -> Loss:
        """Ray has no single class of death; a lost node may show as any of them."""
        errors, node = self._ray.exceptions, self.node(name)
        if isinstance(error, errors.RayTaskError):
            raised = error.cause if isinstance(error.cause, BaseException) else error
            return Loss(name, node, Cause.CRASHED, _in_a_line(f"{type(raised).__name__}: {raised}"), raised)
        message = _in_a_line(str(error))
        if getattr(error, "preempted", False):
            return Loss(name, node, Cause.PREEMPTED, message, None)
        machine = next((machine for machine in self._ray.nodes() if machine["NodeID"] == node), None)
        if machine is not None and not machine["Alive"]:
            taken = machine.get("DeathReason") in _TAKEN_AWAY
            return Loss(name, node, Cause.PREEMPTED if taken else Cause.NODE_LOST, message, None)
        lost = isinstance(error, errors.ActorUnavailableError | errors.NodeDiedError) or _NODE_GONE in message
        return Loss(name, node, Cause.NODE_LOST if lost else Cause.CRASHED, message, None)


def _machine(resources: Mapping[str, float], node: str = "") -> Machine:
    return Machine(resources.get("CPU", 0.0), resources.get("GPU", 0.0), node)


def _see_listener(address: str) -> None:
    """See that somebody listens at `host:port`: Ray itself would try for minutes. Raises `UserError`.

    Also where ray:// is asked for and Ray's client is not there.
    """
    if address.startswith("ray://") and find_spec("grpc") is None:
        mend = "pip install 'ray[client]', or give the HOST:PORT that `ray start --head` has printed"
        raise UserError.at(f"--address {address}", f"ray:// needs Ray's client, which is an extra; {mend}")
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()) or "/" in host:
        return  # "auto" or ray://, which Ray looks up itself
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
    except OSError as error:
        mend = "give the HOST:PORT that `ray start --head` has printed, 6379 by default"
        raise UserError.at(f"--address {address}", f"nobody answers there ({error}); {mend}") from None


def _in_a_line(text: str) -> str:
    """Ray's many lines cut down to the reason."""
    plain = re.sub(r"\x1b\[[\d;]*m", "", text).strip()  # it colours the names of tasks
    plain = re.sub(r"(?s)(in its creation task), .*\n *", r"\1: ", plain)  # a traceback: its last line is the error
    line = " ".join(plain.split())
    line = re.sub(r"^.*?(?=The actor (is dead|died) because)", "", line)
    line = re.sub(r" Some common causes include.*", "", line)
    return line if len(line) <= MESSAGE_MAX else f"{line[: MESSAGE_MAX - 3]}..."
