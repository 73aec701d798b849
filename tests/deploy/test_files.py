"""Container image, units, Compose and batch files: each by the program that reads it, with a fault planted in each."""

import re

import pytest
import yaml
from typer.main import get_command

from neckar.jobs.command_line import app
from neckar.jobs.exits import Exit
from neckar.schemas.version import neckar_version
from tests.deploy.conftest import DEPLOY, ROOT, checker, ran

pytestmark = pytest.mark.slow


# --- Dockerfile ---

IGNORED = ("DL3008", "DL3042", "DL3013")  # Debian's and pip's versions are constraints.txt's and the base's digest's


def linted(path):
    return ran(checker("hadolint"), *(f"--ignore={code}" for code in IGNORED), path)


def test_the_dockerfile(tmp_path):
    done = linted(DEPLOY / "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")
    worse = tmp_path / "Dockerfile"
    worse.write_text((DEPLOY / "Dockerfile").read_text().replace("WORKDIR /src", "RUN cd /src"))
    assert "DL3003" in linted(worse).stdout


def test_what_the_image_says_of_itself():
    text = (DEPLOY / "Dockerfile").read_text()
    assert re.search(r"^ARG BASE=docker.io/library/python:3\.12-slim-bookworm@sha256:[0-9a-f]{64}$", text, re.MULTILINE)
    assert f"ARG VERSION={neckar_version()}\n" in text
    for needed in (
        "NVIDIA_VISIBLE_DEVICES=all",
        "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
        "USER 1000",
        " wget",
        "[cluster]",
    ):
        assert needed in text
    assert "compiled.library() is not None" in text


# --- systemd ---

UNITS = sorted(path.name for path in (DEPLOY / "systemd").iterdir())


@pytest.fixture
def units(tmp_path):
    for name in UNITS:
        text = (DEPLOY / "systemd" / name).read_text()
        (tmp_path / name).write_text(
            text.replace("/opt/neckar/bin/neckar", "/bin/true").replace("/usr/bin/logger", "/bin/true")
        )
    return tmp_path


def verified(folder):
    return ran(checker("systemd-analyze"), "verify", "--man=no", *(folder / name for name in UNITS if "@" not in name))


def test_units(units):
    done = verified(units)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("unit", "old", "new"),
    [
        ("neckar-nightly.timer", "Persistent=true", "Persistant=true"),  # an unknown key only warns
        ("neckar-nightly.timer", "OnCalendar=*-*-* 20:30:00", "OnCalendar=*-*-* 25:30:00"),
        ("neckar-nightly.service", "Type=oneshot", "Type=once"),
        ("neckar-nightly.service", "ExecStart=/bin/true", "ExecStart=/bin/no-such-program"),
    ],
)
def test_faults_in_units_are_seen(units, unit, old, new):
    text = (units / unit).read_text()
    assert old in text
    (units / unit).write_text(text.replace(old, new))
    done = verified(units)
    assert done.returncode != 0 or done.stderr


def test_what_the_timer_does_when_a_night_was_missed():
    assert "Persistent=true" in (DEPLOY / "systemd/neckar-nightly.timer").read_text()
    service = (DEPLOY / "systemd/neckar-nightly.service").read_text()
    assert "OnFailure=neckar-failed@%n.service" in service
    never = {int(code) for code in re.search(r"^RestartPreventExitStatus=(.*)$", service, re.MULTILINE)[1].split()}
    assert "Restart=on-failure" in service
    assert {code.value for code in Exit} - never == {Exit.OK, Exit.INCOMPLETE, Exit.LATER, Exit.INTERRUPTED}


# --- Compose ---


def composed(path):
    return ran(checker("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", path)


def test_compose(tmp_path):
    done = composed(DEPLOY / "compose/compose.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    worse = tmp_path / "compose.yaml"
    worse.write_text((DEPLOY / "compose/compose.yaml").read_text().replace("shm_size", "shared_memory"))
    assert composed(worse).returncode != 0
    found = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
    assert found["services"]["night"]["image"] == f"neckar:{neckar_version()}"
    for service in found["services"].values():
        for mount in service["volumes"]:
            source = mount.partition(":")[0]
            assert source in found["volumes"] or (DEPLOY / "compose" / source).is_file()


# --- configurations, commands, options ---


def test_every_configuration_is_one(tmp_path):
    from neckar.pipeline.nights.config import load_config

    paths = [DEPLOY / "compose/night.yaml", tmp_path / "night.yaml"]
    text = (DEPLOY / "kubernetes/base/night.yaml").read_text()
    paths[1].write_text(text.replace("BUCKET", "lab-stimuli"))
    for path in paths:
        assert load_config(str(path)).config.name


WRITTEN = r"(?<![\w/.-])neckar (nightly|submit|run|plan|bench|query|status|validate|weights)\b([^;|&\n`\"]*)"


def written_commands():
    """Every `neckar COMMAND ...` in deploy/, up to what ends it."""
    for path in sorted(DEPLOY.rglob("*")):
        if path.is_file():
            for match in re.finditer(
                WRITTEN,
                path.read_text(),
            ):
                yield path.relative_to(ROOT), match[1], match[2]


def test_every_option_that_is_written_down_exists():
    commands = get_command(app).commands
    found = list(written_commands())
    assert len(found) > 8
    for path, name, rest in found:
        options = {option for parameter in commands[name].params for option in parameter.opts} | {"--help"}
        for option in re.findall(r"(?<!\S)--[a-z-]+", rest):
            assert option in options, (path, name, option)


@pytest.mark.parametrize(
    "path",
    [p for p in sorted(DEPLOY.rglob("*")) if p.is_file() and p.suffix in (".sbatch", ".py")],
    ids=lambda p: p.name,
)
def test_scripts_can_be_read(path):
    if path.suffix == ".py":
        compile(path.read_text(), str(path), "exec")
    else:
        assert ran("bash", "-n", path).returncode == 0


def test_every_process_of_ray_has_its_token_outright():
    for path in ("slurm/nightly.sbatch", "ray-up/cluster.yaml"):
        text = (DEPLOY / path).read_text()
        assert "RAY_AUTH_MODE=token" in text
        assert "RAY_AUTH_TOKEN_PATH=" in text
    starts = re.findall(r"(?m)^(.*\n?.*)ray start", (DEPLOY / "ray-up/cluster.yaml").read_text())
    assert len(starts) == 2
    assert all("RAY_AUTH_TOKEN_PATH" in start for start in starts)


def test_every_exit_code_has_an_entry_in_the_runbook():
    runbook = (DEPLOY / "README.md").read_text()
    for code in Exit:
        assert f"#### Exit {code.value}\n" in runbook
