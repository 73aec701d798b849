"""A laboratory's network on one machine: hosts with network, process and mount namespaces of their own, on a bridge.

A host has its own address, the name node1, node2 and so on, its own /tmp/ray and /dev/shm, and its processes end with
it: raylets that share a folder for temporary files lost a job its working folder.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

NETWORK = "10.77.0"
BRIDGE = f"{NETWORK}.1"  # where the laboratory itself is: its store, and whoever starts something
_NAMES = "127.0.0.1 localhost\n" + "".join(f"{NETWORK}.{n} node{n - 10}\n" for n in range(11, 20))
_CLONE_NEWNET = 0x40000000
_BOOT = """mount --bind "$HOSTS" /etc/hosts && mkdir -p /tmp/ray && mount -t tmpfs none /tmp/ray &&
mount -t tmpfs -o size=1g none /dev/shm && exec "$@\""""


def reason_against() -> str | None:
    """Why no hosts can be made here; None where they can."""
    if shutil.which("ip") is None or shutil.which("nsenter") is None:
        return "no ip or nsenter here: Debian's iproute2 and util-linux"
    name = f"nk{secrets.token_hex(3)}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"no network namespace may be made here: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", name], check=True)
    return None


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Host:
    """A machine of the laboratory, off at first.

    Args:
        network: its namespace's name.
        address: its IP address.
        log: what its processes print.
        hosts: its /etc/hosts.
    """

    def __init__(self, network: str, address: str, log: Path, hosts: Path) -> None:
        self.address = address
        self.log = log
        self._hosts = hosts
        self._network = network
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Boot it: the command is its first process, and all of its processes end with that."""
        spaces = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--mount-proc"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["nsenter", f"--net=/run/netns/{self._network}", *spaces, "sh", "-c", _BOOT, "sh", *command],
                env={**environment, "HOSTS": str(self._hosts)},
                stdout=log,
                stderr=log,
            )

    @property
    def running(self) -> bool:
        """Whether it is on."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """Pull the plug."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def terminate(self) -> None:
        """Ask its first process to end, as an orchestrator does before it takes a machine away."""
        os.kill(self._first, signal.SIGTERM)

    @property
    def _first(self) -> int:
        """Its first process, as the machine has it that all of them are on."""
        assert self._process is not None
        pid = self._process.pid
        (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(child)

    def there(self, *command: str) -> list[str]:
        """The command as one that runs on it, beside its first."""
        return ["nsenter", f"--target={self._first}", "--net", "--mount", "--pid", *command]

    def wait(self, timeout_s: float) -> None:
        """Until it is off."""
        assert self._process is not None
        self._process.wait(timeout_s)

    def disconnect(self) -> None:
        """Take its cable out: everything goes on, and nobody hears of it."""
        _ip("netns", "exec", self._network, "ip", "link", "set", "eth0", "down")

    def connect(self) -> None:
        """Put the cable back."""
        _ip("netns", "exec", self._network, "ip", "link", "set", "eth0", "up")


class Laboratory:
    """The bridge, and whoever is on it. While it is entered, this thread and its children are on it too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = f"nk{secrets.token_hex(3)}"
        self._hosts: list[Host] = []

    def host(self) -> Host:
        """Another machine."""
        number = len(self._hosts) + 11
        network, address = f"{self._name}-{number}", f"{NETWORK}.{number}"
        _ip("netns", "add", network)
        _ip("link", "add", f"p{number}", "type", "veth", "peer", "name", "eth0", "netns", network)
        _ip("link", "set", f"p{number}", "master", "bridge0", "up")
        for command in (("addr", "add", f"{address}/24", "dev", "eth0"), ("link", "set", "eth0", "up")):
            _ip("-n", network, *command)
        _ip("-n", network, "link", "set", "lo", "up")
        names = self._folder / "hosts"
        names.write_text(_NAMES)
        host = Host(network, address, self._folder / f"host-{number}.log", names)
        self._hosts.append(host)
        return host

    @contextmanager
    def entered(self) -> Iterator[Laboratory]:
        """See the class."""
        _ip("netns", "add", self._name)
        outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _enter(os.open(f"/run/netns/{self._name}", os.O_RDONLY))
            _ip("link", "set", "lo", "up")
            _ip("link", "add", "bridge0", "type", "bridge")
            _ip("addr", "add", f"{BRIDGE}/24", "dev", "bridge0")
            _ip("link", "set", "bridge0", "up")
            yield self
        finally:
            for host in self._hosts:
                host.kill()
            _enter(outside)
            for network in [host._network for host in self._hosts] + [self._name]:
                subprocess.run(["ip", "netns", "delete", network], check=False)


def _enter(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    failed = libc.setns(descriptor, _CLONE_NEWNET)
    os.close(descriptor)
    if failed:
        raise OSError(ctypes.get_errno(), "setns")


def wait_until(what: str, holds, timeout_s: float = 90.0, look_s: float = 0.3) -> None:
    """Until something holds; fails by its name."""
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until, f"in vain for {timeout_s:.0f} s: {what}"
        time.sleep(look_s)
