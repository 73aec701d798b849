"""The policy for S3: exactly what a night, a restart and a run of one's own do, as boto3 sends it."""

import json
import os
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from skimage import data

from neckar.pipeline.storage.access import open_store
from tests.deploy.conftest import DEPLOY, checker, ran
from tests.jobs.conftest import ROOT
from tests.storage import recorder
from tests.storage.recorder import recorded

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

POLICY = json.loads((DEPLOY / "iam/policy.json").read_text())
ACTIONS = {  # s3:HeadObject is none
    "HeadObject": "s3:GetObject",
    "GetObject": "s3:GetObject",
    "PutObject": "s3:PutObject",
    "CreateMultipartUpload": "s3:PutObject",
    "UploadPart": "s3:PutObject",
    "CompleteMultipartUpload": "s3:PutObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "ListObjectsV2": "s3:ListBucket",
    "ListObjects": "s3:ListBucket",
    "DeleteObject": "s3:DeleteObject",
    "DeleteObjects": "s3:DeleteObject",
}

NEEDS_NO_RIGHT = {"HeadBucket"}  # the first contact: any answer will do, a refusal too

RUN = """
schema_version: 1
name: adhoc
settings: {size: 48, iterations: 3}
pairs: [{content: sources/content/coffee.png, style: sources/style/rocket.png}]
"""


@pytest.fixture
def bucket(s3_server, s3_environment):
    """A whole bucket, as the policy has it."""
    name = "neckar-policy"
    s3_server.client().create_bucket(Bucket=name)
    for side, picture in (("content", "coffee"), ("style", "rocket")):
        path = Path(os.environ.get("TMPDIR", "/tmp")) / f"{picture}.png"
        Image.fromarray(getattr(data, picture)()[:96, :96]).save(path)
        open_store(f"s3://{name}").put(f"sources/{side}/{picture}.png", path.read_bytes())
    return name


def calls(folder, *commands):
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "neckar", *command],
            env=recorded(folder, str(ROOT)), cwd=folder, capture_output=True, text=True, timeout=200, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    return recorder.calls(folder)


def asked(bucket, operation, url):
    """(action, key or prefix) of a call."""
    parts = urlsplit(url)
    action = ACTIONS[operation]
    if action == "s3:ListBucket":
        return action, parse_qs(parts.query).get("prefix", [""])[0]
    return action, parts.path.removeprefix(f"/{bucket}/").removeprefix("/")


def allowed(action, key):
    """The statement that allows it; None where none does."""
    for statement in POLICY["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if action not in actions:
            continue
        if action == "s3:ListBucket":
            patterns = statement["Condition"]["StringLike"]["s3:prefix"]
        else:
            patterns = [statement["Resource"].removeprefix("arn:aws:s3:::BUCKET/")]
        for pattern in patterns:
            if fnmatchcase(key, pattern):
                return statement["Sid"], action, pattern
    return None


def granted():
    for statement in POLICY["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        for action in actions:
            if action == "s3:ListBucket":
                for pattern in statement["Condition"]["StringLike"]["s3:prefix"]:
                    yield statement["Sid"], action, pattern
            else:
                yield statement["Sid"], action, statement["Resource"].removeprefix("arn:aws:s3:::BUCKET/")


def test_the_policy_is_what_a_night_a_restart_and_a_run_do(bucket, tmp_path):
    (tmp_path / "night.yaml").write_text(
        f"name: demo\nstore: s3://{bucket}\nsettings: {{size: 48, iterations: 3}}\n"
        f"sources: {{content: s3://{bucket}/sources/content, style: s3://{bucket}/sources/style}}\n"
    )
    (tmp_path / "run.yaml").write_text(RUN)
    made = calls(
        tmp_path,
        ("nightly", "night.yaml", "--date", "2026-11-01"),
        ("nightly", "night.yaml", "--date", "2026-11-01"),
        ("nightly", "night.yaml", "--date", "2026-11-02"),
        ("run", "run.yaml", "--base", f"s3://{bucket}", "--output", f"s3://{bucket}/datasets/adhoc/run"),
        ("run", "run.yaml", "--base", f"s3://{bucket}", "--output", f"s3://{bucket}/datasets/adhoc/run"),
    )
    used = set()
    for operation, url in made:
        if operation in NEEDS_NO_RIGHT:
            continue
        action, key = asked(bucket, operation, url)
        grant = allowed(action, key)
        assert grant is not None, (operation, url)
        used.add(grant)
    assert used == set(granted())  # nothing is allowed that is not done
    assert allowed("s3:PutObject", "sources/content/a.png") is None
    assert allowed("s3:DeleteObject", "datasets/a") is None


def findings(policy):
    """By parliament's Python interface, in its own environment."""
    program = (
        "import sys; from parliament import analyze_policy_string as analysed;"
        "print([found.issue for found in analysed(sys.argv[1]).findings])"
    )
    done = ran(Path(checker("parliament")).with_name("python"), "-c", program, policy)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_policy_by_parliament():
    policy = (DEPLOY / "iam/policy.json").read_text()
    assert findings(policy) == "[]"
    assert "UNKNOWN_ACTION" in findings(policy.replace("s3:PutObject", "s3:HeadObject"))
    assert "RESOURCE_MISMATCH" in findings(
        policy.replace("arn:aws:s3:::BUCKET/datasets", "arn:aws:s4:::BUCKET/datasets")
    )
