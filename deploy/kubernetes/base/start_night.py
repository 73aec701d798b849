"""Copy the suspended RayJob under the night's date, and wait for its end. Python's own library alone.

The date is that of the CronJob's tick in TIME_ZONE, whenever the pod runs: Kubernetes ends a Job's name in the minutes
since 1970. Exit code: 0 when the RayJob succeeded, 1 when it failed, 2 when there is nothing to copy.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ACCOUNT = Path(os.environ.get("SERVICE_ACCOUNT", "/var/run/secrets/kubernetes.io/serviceaccount"))
SERVER = os.environ.get("KUBERNETES_API", "https://kubernetes.default.svc")
PATTERN = "neckar-nightly"
LOOK_S = float(os.environ.get("LOOK_S", "20"))
ENDED = ("Complete", "Failed")


def night(job_name: str, zone: str) -> str:
    """The date, YYYY-MM-DD, of the tick that a CronJob's Job is named after."""
    tick = datetime.fromtimestamp(60 * int(job_name.rpartition("-")[2]), UTC)
    return tick.astimezone(ZoneInfo(zone)).date().isoformat()


def copy_of(pattern: dict[str, Any], date: str) -> dict[str, Any]:
    """The night's RayJob."""
    spec = {key: value for key, value in pattern["spec"].items() if key not in ("suspend", "jobId")}
    spec["entrypoint"] = spec["entrypoint"].replace("NIGHT", date)
    labels = {**pattern["metadata"].get("labels", {}), "neckar/night": date}
    name = f"{PATTERN}-{date.replace('-', '')}"
    return {
        "apiVersion": pattern["apiVersion"],
        "kind": "RayJob",
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
    }


def ask(path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """GET, or POST a body. Raises `urllib.error.HTTPError`."""
    request = urllib.request.Request(f"{SERVER}{path}", json.dumps(body).encode() if body else None)
    request.add_header("Authorization", f"Bearer {(ACCOUNT / 'token').read_text().strip()}")
    request.add_header("Content-Type", "application/json")
    trust = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt")) if SERVER.startswith("https") else None
    with urllib.request.urlopen(request, timeout=30, context=trust) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def main() -> int:
    """See the module."""
    date = night(os.environ["JOB_NAME"], os.environ["TIME_ZONE"])
    namespace = (ACCOUNT / "namespace").read_text().strip()
    jobs = f"/apis/ray.io/v1/namespaces/{namespace}/rayjobs"
    try:
        wanted = copy_of(ask(f"{jobs}/{PATTERN}"), date)
    except urllib.error.HTTPError as error:
        print(f"no RayJob {PATTERN} to copy in {namespace}: {error}; apply deploy/kubernetes again", file=sys.stderr)
        return 2
    name = wanted["metadata"]["name"]
    try:
        ask(jobs, wanted)
        print(f"{name}: created")
    except urllib.error.HTTPError as error:
        if error.code != 409:  # there already: this pod was started again
            raise
        print(f"{name}: is there already")
    while True:
        try:
            status = ask(f"{jobs}/{name}").get("status", {})
        except (urllib.error.URLError, TimeoutError) as error:  # an API server that is being replaced
            print(f"{name}: {error}", file=sys.stderr)
            status = {}
        if status.get("jobDeploymentStatus") in ENDED:
            told = " ".join(str(status.get(key, "")) for key in ("jobStatus", "reason", "message"))
            print(f"{name}: {told}")
            return 0 if status.get("jobStatus") == "SUCCEEDED" else 1
        time.sleep(LOOK_S)


if __name__ == "__main__":
    sys.exit(main())
