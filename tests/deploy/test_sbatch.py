"""The batch file as a Slurm of this machine runs it: a controller, and two nodes on hosts of their own."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from tests.cluster.hosts import BRIDGE, Laboratory, reason_against, wait_until
from tests.deploy.conftest import DEPLOY, checker, ran
from tests.jobs.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

CONF = """
ClusterName=lab
SlurmctldHost={host}({bridge})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CryptoType=crypto/munge
SlurmctldPort=6817
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/ctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/ctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
MpiDefault=none
ReturnToService=2
KillWait=2
SchedulerParameters=batch_sched_delay=0,sched_interval=2
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
NodeName=node1 NodeHostname={host} NodeAddr=10.77.0.11 Port=6818 CPUs=1 State=UNKNOWN
NodeName=node2 NodeHostname={host} NodeAddr=10.77.0.12 Port=6818 CPUs=1 State=UNKNOWN
PartitionName=lab Nodes=node[1-2] Default=YES MaxTime=INFINITE State=UP
"""


@pytest.fixture(scope="module")
def slurm():
    """The environment of whoever submits to it."""
    os.environ["PATH"] += ":/usr/sbin"
    for program in ("slurmctld", "slurmd", "munged", "sbatch"):
        checker(program)
    reason = reason_against()
    if reason is not None:
        pytest.skip(reason)
    if not Path("/etc/munge/munge.key").exists():
        pytest.skip("munge has no key here")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    (folder / "state").mkdir()
    conf = folder / "slurm.conf"
    conf.write_text(CONF.format(folder=folder, host=socket.gethostname(), bridge=BRIDGE))
    ours = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment = ours | {"SLURM_CONF": str(conf)}
    with Laboratory(folder).entered() as laboratory, (folder / "out").open("ab") as out:
        started = []
        if subprocess.run(["munge", "-n"], capture_output=True, check=False).returncode:
            Path("/run/munge").mkdir(exist_ok=True)
            shutil.chown("/run/munge", "munge", "munge")
            command = ["runuser", "-u", "munge", "--", "munged", "--foreground"]
            started.append(subprocess.Popen(command, stdout=out, stderr=out))
            wait_until(
                "munge", lambda: not subprocess.run(["munge", "-n"], capture_output=True, check=False).returncode
            )
        started.append(subprocess.Popen(["slurmctld", "-D"], env=environment, stdout=out, stderr=out))
        for node in ("node1", "node2"):
            laboratory.host().start(["slurmd", "-D", "-N", node], environment)
        try:
            wait_until(
                "two idle nodes", lambda: ran("sinfo", "-h", "-o", "%D %T", env=environment).stdout == "2 idle\n"
            )
            yield environment
        finally:
            for process in reversed(started):
                process.terminate()
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def test_the_file_itself_makes_a_night_and_ends_with_its_code(slurm, tmp_path):
    for side, name in (("c", "coffee"), ("s", "rocket")):
        (tmp_path / side).mkdir()
        Image.fromarray(getattr(data, name)()[:96, :96]).save(tmp_path / side / f"{name}.png")
    config = tmp_path / "night.yaml"
    config.write_text("name: demo\nstore: out\nsources: {content: c, style: s}\nsettings: {size: 48, iterations: 3}\n")
    command = tmp_path / "neckar"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m neckar "$@"\n')
    command.chmod(0o755)
    environment = slurm | {
        "NIGHT_CONFIG": str(config),
        "NIGHT_STATE": str(tmp_path / "state"),
        "NIGHT": "2026-11-01",
        "NECKAR": str(command),
        "RAY": str(Path(sysconfig.get_path("scripts")) / "ray"),
        "PYTHONPATH": str(ROOT),
        "RAY_memory_monitor_refresh_ms": "0",
        "RAY_gcs_rpc_server_reconnect_timeout_s": "5",  # 60 unless told, after which the second node sees the end
    }

    def night(nodes):
        """The job's exit code."""
        batch = [
            "sbatch",
            "--parsable",
            f"--nodes={nodes}",
            f"--output={tmp_path}/log",
            DEPLOY / "slurm/nightly.sbatch",
        ]
        begun = ran(*batch, env=environment, cwd=tmp_path)
        assert begun.returncode == 0, begun.stderr
        job = begun.stdout.strip()

        def told():
            return ran("scontrol", "show", "job", job, env=environment).stdout

        wait_until("the job to end", lambda: re.search(r"JobState=(COMPLETED|FAILED)", told()), 400)
        return int(re.search(r" ExitCode=(\d+):", told())[1])

    code = night(2)
    assert code == 0, (tmp_path / "log").read_text()[-4000:]
    summary = json.loads((tmp_path / "state/summary-2026-11-01.json").read_text())
    assert (summary["outcome"], summary["ok"]) == ("published", 1)
    # symmetric-run makes 1 of every failure: the file's exit code is the night's own
    config.write_text(config.read_text().replace("size: 48", "size: wide"))
    environment["NIGHT"] = "2026-11-02"
    assert night(1) == 2
