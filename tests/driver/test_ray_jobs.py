"""What a job server may say while a job is followed, by a server that answers as Ray's does."""

import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from neckar.pipeline.storage.store import Unavailable
from neckar.schemas.errors import UserError

pytest.importorskip("aiohttp", reason="neckar[cluster] is not installed")
ray_jobs = pytest.importorskip("neckar.pipeline.driver.ray_jobs")

# Ray's client calls aiohttp in a way that it will not have for ever.
pytestmark = pytest.mark.filterwarnings("ignore:ssl=None is deprecated:DeprecationWarning")

JOB = {"type": "SUBMISSION", "submission_id": "one", "entrypoint": "true", "status": "RUNNING"}


@contextmanager
def serving(tail_status):
    """Ray's API, whose stream of lines answers with this status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.endswith("/logs/tail"):
                self.send_response(tail_status)
                self.end_headers()
                return
            version = {"version": "4", "ray_version": "2.60.0", "ray_commit": "", "session_name": "s"}
            data = json.dumps(version if self.path == "/api/version" else JOB).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_that_runs_out_while_a_job_is_followed(status):
    with serving(status) as address, pytest.raises(UserError, match="missing, wrong or expired: set RAY_AUTH_MODE"):
        list(ray_jobs.JobServer(address).follow("one"))


def test_a_server_that_breaks_off_while_a_job_is_followed():
    with serving(502) as address, pytest.raises(Unavailable, match="no job server answers"):
        list(ray_jobs.JobServer(address).follow("one"))


def test_a_job_as_the_server_tells_of_it():
    with serving(200) as address:
        job = ray_jobs.JobServer(address).find("one")
    assert (job.id, job.status, job.ended, job.exit_code) == ("one", "RUNNING", False, None)
