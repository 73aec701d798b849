"""What is handed to a cluster: its id, its command, and when a job that is there is the same."""

import subprocess

import pytest

from neckar.pipeline.driver.job_spec import JobSpec, goes_on

SPEC = JobSpec(
    name="night 1",
    manifest="s3://lab/it's.yaml",
    manifest_sha256="ab" * 32,
    base="s3://lab",
    output="s3://lab/out",
    version="0.1.0",
)


def test_the_id_is_of_name_and_manifest():
    assert SPEC.submission_id(1) == "night-1-abababababab"
    assert SPEC.submission_id(3) == "night-1-abababababab-3"


def run(spec, program, tmp_path):
    path = tmp_path / "neckar"
    path.write_text(f"#!/bin/sh\n{program}\n")
    path.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    return subprocess.run(spec.entrypoint, shell=True, capture_output=True, text=True, env=environment, check=False)


def test_the_command_runs_the_manifest_whatever_its_name(tmp_path):
    done = run(SPEC, 'if [ "$1" = --version ]; then echo "neckar 0.1.0"; else printf "%s|" "$@"; exit 7; fi', tmp_path)
    assert done.returncode == 7
    assert done.stdout == (
        "neckar on the cluster: neckar 0.1.0\nrun|s3://lab/it's.yaml|--base|s3://lab|--output|s3://lab/out|"
    )


@pytest.mark.parametrize("program", ['echo "neckar 0.0.9"', "exit 1", 'echo "neckar 0.1.0.dev1"'])
def test_another_neckar_runs_nothing(tmp_path, program):
    done = run(SPEC, f'if [ "$1" = run ]; then touch {tmp_path}/ran; fi; {program}', tmp_path)
    assert done.returncode == 2
    assert done.stdout.startswith("neckar on the cluster:")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("status", "code", "same"),
    [
        ("PENDING", None, True),
        ("RUNNING", None, True),
        ("SUCCEEDED", 0, True),
        ("FAILED", 1, True),  # complete, some pairs without a picture: nothing to go on with
        ("FAILED", 2, False),
        ("FAILED", 3, False),
        ("FAILED", 75, False),
        ("FAILED", None, False),  # Ray never ran it
        ("STOPPED", None, False),
    ],
)
def test_what_is_attached_to_and_what_goes_on_as_another_job(status, code, same):
    assert goes_on(status, code) is same


def test_the_same_run_and_another():
    assert SPEC.is_same(SPEC.metadata)
    assert SPEC.is_same_manifest({**SPEC.metadata, "neckar_output": "elsewhere"})
    assert not SPEC.is_same({**SPEC.metadata, "neckar_output": "elsewhere"})
    assert not SPEC.is_same_manifest({})
