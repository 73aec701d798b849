"""The README is the contract that people read: it names all there is, and what it says of the manifest is so."""

import re
from pathlib import Path

import pytest
import yaml

from neckar.jobs.exits import Exit
from neckar.schemas.errors import ErrorCode
from neckar.schemas.manifest import Manifest
from neckar.schemas.results import RESULTS_SCHEMA
from neckar.schemas.settings import Settings
from tests.jobs.test_surface import SURFACE

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
CODE = set(re.findall(r"`([^`\n]+)`", README))


def section(title):
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("column", RESULTS_SCHEMA.names)
def test_every_results_column_is_named(column):
    assert column in CODE


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_error_code_is_named(code):
    assert code in CODE


@pytest.mark.parametrize("command", SURFACE)
def test_every_command_and_option_is_named(command):
    commands = section("Commands")
    for word in [command.split()[-1], *SURFACE[command]]:
        assert word in commands


def test_every_exit_code_is_named():
    assert re.findall(r"^\| (\d+) \|", section("Commands"), re.MULTILINE) == [str(int(code)) for code in Exit]


def test_the_example_is_a_valid_manifest_that_shows_every_setting_at_its_default():
    example = yaml.safe_load(re.search(r"```yaml\n(.*?)```", section("Manifest"), re.DOTALL)[1])
    manifest = Manifest.model_validate(example)
    assert list(example["settings"].keys() ^ Settings.model_fields.keys()) == []
    assert manifest.settings == Settings()
    assert set(example) == set(Manifest.model_fields)


def test_two_commands_do_all_set_up():
    lines = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert [line.split(" && ")[-1].split()[0] for line in lines] == [".venv/bin/neckar", ".venv/bin/pytest"]
