"""boto3's calls of any process, written down; and a process killed right behind one of them.

A folder with this as `sitecustomize.py` on PYTHONPATH; CALLS names the file, KILL_AFTER a part of a key whose PUT is
the last thing that the process does.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

SITE = """
import json, os, signal
import botocore.session

made = botocore.session.Session.__init__

def watched(self, *arguments, **options):
    made(self, *arguments, **options)
    def before(model, params, **_):
        with open(os.environ["CALLS"], "a") as file:
            file.write(json.dumps([model.name, params["url"]]) + "\\n")
    def after(model, http_response, **_):
        point = os.environ.get("KILL_AFTER")
        if point and model.name == "PutObject" and point in http_response.url.partition("?")[0]:
            os.kill(os.getpid(), signal.SIGKILL)
    events = self.get_component("event_emitter")
    events.register("before-call.s3", before)
    events.register("after-call.s3", after)

botocore.session.Session.__init__ = watched
"""

KILLED = -signal.SIGKILL


def recorded(folder: Path, paths: str, **environment: str) -> dict[str, str]:
    """The environment of a process whose calls are to be written down in the folder."""
    (folder / "sitecustomize.py").write_text(SITE)
    return os.environ | {"PYTHONPATH": f"{folder}:{paths}", "CALLS": str(folder / "calls"), **environment}


def calls(folder: Path) -> Iterator[tuple[str, str]]:
    """(operation, URL) of every call."""
    for line in (folder / "calls").read_text().splitlines():
        operation, url = json.loads(line)
        yield operation, url
