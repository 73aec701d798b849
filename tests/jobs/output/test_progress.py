import io
import json
import os
import pty
import subprocess
import sys

from neckar.jobs.output.progress import Ending, JsonLines
from neckar.pipeline.driver.progress import Progress
from tests.jobs.conftest import ROOT


def moment(**fields):
    values = {
        "total": 1000,
        "ok": 10,
        "failed": 2,
        "quarantined": 0,
        "in_flight": 8,
        "under_way": 1.254,
        "workers": 2,
        "elapsed_s": 61.04,
        "rate": 0.5,
        "eta_s": 1976.0,
        "waiting_for": "pictures",
    }
    return Progress(**{**values, **fields})


COMPLETE = "complete: ok 9 · failed 2 · quarantined 1, in 0:01:15: s3://b/night"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_json_line_every_five_seconds():
    out, clock = io.StringIO(), Clock()
    report = JsonLines(out, clock)
    for tenth in range(121):  # twelve seconds
        clock.now = tenth / 10
        report(moment(ok=tenth))
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["ok"] for line in lines] == [0, 50, 100]
    assert lines[0] == {
        "state": "running",
        "total": 1000,
        "ok": 0,
        "failed": 2,
        "quarantined": 0,
        "in_flight": 8,
        "under_way": 1.25,
        "workers": 2,
        "elapsed_s": 61.0,
        "pairs_per_min": 30.0,
        "eta_s": 1976,
        "waiting_for": "pictures",
    }


def test_before_the_first_pair_there_is_no_rate():
    out = io.StringIO()
    JsonLines(out, Clock())(moment(total=None, rate=None, eta_s=None))
    line = json.loads(out.getvalue())
    assert (line["total"], line["pairs_per_min"], line["eta_s"]) == (None, None, None)


def test_the_last_line_tells_the_end():
    out = io.StringIO()
    JsonLines(out, Clock()).conclude(Ending(state="incomplete", run="out", reason="no workers"))
    assert json.loads(out.getvalue()) == {"state": "incomplete", "run": "out", "reason": "no workers"}


def test_a_reader_that_goes_away_does_not_end_the_run():
    read, write = os.pipe()
    os.close(read)
    clock = Clock()
    with os.fdopen(write, "w") as out:
        report = JsonLines(out, clock)
        report(moment())
        clock.now = 10.0
        report(moment())


def test_a_terminal_gets_a_bar_with_rate_and_time_to_go():
    script = (
        "import sys, time\n"
        "from neckar.jobs.output.progress import Ending, reporting\n"
        "from tests.jobs.output.test_progress import moment\n"
        "with reporting('night', sys.stdout) as report:\n"
        "    report(moment(total=None, rate=None, eta_s=None, waiting_for='Ray to start'))\n"
        "    report(moment())\n"
        "    time.sleep(0.5)  # the bar is drawn ten times a second\n"
        "    ending = Ending(state='complete', run='s3://b/night', ok=9, failed=2, quarantined=1, elapsed_s=75)\n"
        "    report.conclude(ending)\n"
    )
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen([sys.executable, "-c", script], stdout=theirs, cwd=ROOT, env=environment) as process:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 1 << 16):
                shown += chunk
        except OSError:  # Linux's way of saying that the other end is closed
            pass
        assert process.wait(timeout=60) == 0
    os.close(ours)
    for text in ("night", "12/1,000", "2 failed", "30.0 pairs/min", "0:32:56 to go", COMPLETE):
        assert text in shown.decode()
