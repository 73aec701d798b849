"""The script of the CronJob's pod, against a server that answers as the Kubernetes API does."""

import http.server
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import ClassVar

import pytest
import yaml

from tests.deploy.conftest import DEPLOY

SCRIPT = DEPLOY / "kubernetes/base/start_night.py"
PATTERN = yaml.safe_load((DEPLOY / "kubernetes/base/rayjob.yaml").read_text())
TICK = 29736750  # 2026-07-16 20:30 UTC: 22:30 in Berlin, the 17th in Auckland


class Api(http.server.BaseHTTPRequestHandler):
    jobs: ClassVar[dict] = {}
    ends = "SUCCEEDED"
    created: ClassVar[list] = []

    def _answer(self, code, body):
        data = json.dumps(body).encode()
        self.send_response(code)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        assert self.headers["Authorization"] == "Bearer secret"
        name = self.path.rpartition("/")[2]
        found = self.jobs.get(name)
        self._answer(200 if found else 404, found or {})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = body["metadata"]["name"]
        if name in self.jobs:
            self._answer(409, {})
            return
        self.created.append(body)
        self.jobs[name] = {**body, "status": {"jobDeploymentStatus": "Complete", "jobStatus": self.ends}}
        self._answer(201, body)

    def log_message(self, *_):
        pass


@pytest.fixture
def api(tmp_path: Path):
    for name, text in (("token", "secret\n"), ("namespace", "lab")):
        (tmp_path / name).write_text(text)

    class Own(Api):
        jobs: ClassVar[dict] = {"neckar-nightly": PATTERN}
        created: ClassVar[list] = []

    server = http.server.HTTPServer(("127.0.0.1", 0), Own)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Own.environment = {
        "SERVICE_ACCOUNT": str(tmp_path),
        "KUBERNETES_API": f"http://127.0.0.1:{server.server_port}",
        "LOOK_S": "0.05",
        "TIME_ZONE": "Europe/Berlin",
        "JOB_NAME": f"neckar-nightly-{TICK}",
        "PATH": "/usr/bin:/bin",
    }
    yield Own
    server.shutdown()
    server.server_close()


def start(api, **environment):
    return subprocess.run(
        [sys.executable, SCRIPT],
        env=api.environment | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_pattern_is_copied_under_the_night_s_date(api):
    done = start(api)
    assert done.returncode == 0, done.stderr
    (job,) = api.created
    assert job["metadata"]["name"] == "neckar-nightly-20260716"
    assert job["spec"]["entrypoint"] == "neckar nightly /etc/neckar/night.yaml --date 2026-07-16"
    assert "suspend" not in job["spec"]
    assert job["spec"]["rayClusterSpec"] == PATTERN["spec"]["rayClusterSpec"]


def test_the_date_is_that_of_the_time_zone(api):
    start(api, TIME_ZONE="Pacific/Auckland")
    assert api.created[0]["spec"]["entrypoint"].endswith("--date 2026-07-17")


def test_a_pod_that_is_started_again_finds_its_night(api):
    start(api)
    again = start(api)
    assert (again.returncode, len(api.created)) == (0, 1)
    assert "is there already" in again.stdout


def test_a_night_that_failed_fails_the_cron_job(api):
    api.ends = "FAILED"
    assert start(api).returncode == 1


def test_without_the_pattern(api):
    api.jobs = {}
    done = start(api)
    assert done.returncode == 2
    assert "no RayJob neckar-nightly to copy in lab" in done.stderr
