"""A proxy that spoils what a real S3 server answers: the failures of networks and stores, on order."""

from __future__ import annotations

import http.client
import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Fault = Literal["answer", "reset", "lost_answer", "cut_body", "wrong_body", "ignore_condition"]

FAULTS: tuple[Fault, ...] = ("answer", "reset", "lost_answer", "cut_body", "wrong_body")  # any store's and network's


@dataclass
class Order:
    """The next `times` requests of a method go wrong in one way."""

    method: str
    fault: Fault
    times: int
    status: int = 503
    code: str = "SlowDown"


@dataclass
class FaultyS3:
    """The proxy: `endpoint_url` to talk to, `requests` it has seen, `spoil(...)` to order failures."""

    upstream: str
    client: S3Client  # of the upstream, for requests that must be signed anew
    endpoint_url: str = ""
    requests: list[str] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    spoilt: list[str] = field(default_factory=list)  # what happened to requests that were picked at random
    rate: float = 0.0
    chance: random.Random = field(default_factory=random.Random)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def spoil(self, method: str, fault: Fault, times: int = 1, *, status: int = 503, code: str = "SlowDown") -> None:
        with self.guard:
            self.orders.append(Order(method, fault, times, status, code))

    def spoil_at_random(self, rate: float, chance: random.Random) -> None:
        """From now on this share of all requests goes wrong, each in one of `FAULTS`."""
        with self.guard:
            self.rate, self.chance = rate, chance

    def next_order(self, method: str, path: str) -> Order | None:
        with self.guard:
            self.requests.append(f"{method} {path}")
            for order in self.orders:
                if order.method == method and order.times > 0:
                    order.times -= 1
                    return order
            if self.chance.random() >= self.rate:
                return None
            has_body = method == "GET" and "list-type=" not in path  # a listing has no checksum to tell by
            fault = self.chance.choice([f for f in FAULTS if has_body or not f.endswith("_body")])
            self.spoilt.append(fault)
            status, code = self.chance.choice([(500, "InternalError"), (503, "SlowDown"), (503, "ServiceUnavailable")])
            return Order(method, fault, 0, status, code)


@contextmanager
def faulty_proxy(upstream: str, client: S3Client) -> Iterator[FaultyS3]:
    proxy = FaultyS3(upstream, client)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("BoundHandler", (Handler,), {"proxy": proxy}))
    server.daemon_threads = True
    proxy.endpoint_url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    proxy: FaultyS3
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        order = self.proxy.next_order(self.command, self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = order.fault if order else None
        if order and fault == "answer":
            self._answer(order.status, _xml(order.code), {})
        elif fault == "reset":
            self._reset()
        elif fault == "ignore_condition":
            bucket, key = unquote(urlsplit(self.path).path).lstrip("/").split("/", 1)
            stored = self.proxy.client.put_object(Bucket=bucket, Key=key, Body=body)
            self._answer(200, b"", {"ETag": stored["ETag"]})
        else:
            self._forward(body, fault)

    do_PUT = do_HEAD = do_POST = do_GET  # noqa: N815  # http.server's names

    def _forward(self, body: bytes, fault: Fault | None) -> None:
        # The Host header is signed: it goes on as it came.
        upstream = http.client.HTTPConnection(urlsplit(self.proxy.upstream).netloc, timeout=60)
        upstream.request(self.command, self.path, body=body, headers=dict(self.headers.items()))
        answer = upstream.getresponse()
        data, found = answer.read(), dict(answer.getheaders())
        upstream.close()
        if fault == "lost_answer":
            self._reset()
        elif fault == "wrong_body":
            self._answer(answer.status, bytes(byte ^ 1 for byte in data[:1]) + data[1:], found)
        else:
            self._answer(answer.status, data, found, cut=fault == "cut_body")

    def _answer(self, status: int, data: bytes, headers: dict[str, str], *, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in {"content-length", "connection", "transfer-encoding", "date", "server"}:
                self.send_header(name, value)
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(data))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if cut else data)
        if cut:
            self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()

    def log_message(self, *_: object) -> None:
        """Nothing to standard error."""


def _xml(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>on order</Message></Error>".encode()
