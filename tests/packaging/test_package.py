"""What an installation has: one name, everything of it, and nothing that a folder of the user's could hide."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "ray", "numpy", "pyarrow", "pydantic", "typer", "boto3", "PIL")


def packages_of_the_tree(mapping):
    names = set()
    for name, folder in mapping.items():
        for found in (ROOT / folder).rglob("__init__.py"):
            inside = found.parent.relative_to(ROOT / folder).parts
            if folder == "jobs" and inside[:1] == ("api",):
                continue  # it is `neckar` itself
            names.add(".".join((name, *inside)))
    return names


def test_every_package_of_the_tree_is_installed_and_no_other(project):
    setuptools = project["tool"]["setuptools"]
    assert set(setuptools["packages"]) == packages_of_the_tree(setuptools["package-dir"])


@pytest.mark.slow
def test_a_wheel_has_one_name(wheel, project):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {"neckar", f"neckar-{project['project']['version']}.dist-info"}
    assert "neckar/py.typed" in names
    assert {Path(name).name for name in names if "/licenses/" in name} == {"LICENSE", "NOTICE"}
    manifests = {f"neckar/{path.relative_to(ROOT)}" for path in (ROOT / "jobs/manifests").rglob("*.yaml")}
    assert len(manifests) > 3
    assert manifests <= set(names)
    page = {f"neckar/{path.relative_to(ROOT)}" for path in (ROOT / "pipeline/report/page").iterdir()}
    assert len(page) > 20
    assert page <= set(names)
    assert not [name for name in names if "test" in name]


def python(*arguments, path, cwd=None):
    """A fresh interpreter that finds modules in these folders first."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONSAFEPATH": ""}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_beside_a_distribution_with_a_package_jobs_of_its_own_both_work(installed):
    code = "import jobs, neckar, neckar.jobs.exits as exits; print(jobs.WHOSE, exits.Exit.OK.value, neckar.__file__)"
    found = python("-c", code, path=[installed], cwd="/")
    assert found.stdout.split("\n")[0] == f"a lab 0 {installed / 'neckar/__init__.py'}", found.stderr


def test_an_import_loads_nothing_and_offers_what_a_notebook_needs():
    code = f"""
import json, sys, neckar
heavy = [name for name in {HEAVY!r} if name in sys.modules]
names = {{name: str(getattr(neckar, name)) for name in dir(neckar)}}
print(json.dumps([heavy, names]))
try:
    neckar.rnu
except AttributeError as error:
    print(error)
"""
    found = python("-c", code, path=[], cwd="/")
    first, last = found.stdout.splitlines()
    heavy, names = json.loads(first)
    assert heavy == []
    assert sorted(names) == ["__version__", "open_run", "run", "validate"]
    assert names["__version__"] == "0.1.0"
    assert last == "module 'neckar' has no attribute 'rnu'"


@pytest.mark.slow
def test_folders_of_the_users_change_nothing(tmp_path):
    for name in ("jobs", "pipeline", "schemas"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise AssertionError('{name} of the user')\n")
    (tmp_path / "jobs.yaml").write_text((ROOT / "jobs/manifests/demo.yaml").read_text())
    for arguments in (["--version"], ["validate", "jobs.yaml"]):
        found = python("-m", "neckar", *arguments, path=[tmp_path], cwd=tmp_path)
        assert found.returncode == 0, found.stderr


def test_the_citation_names_this_version(project):
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == project["project"]["version"]
    assert citation["license"] == project["project"]["license"]
    assert [reference["identifiers"][0]["value"] for reference in citation["references"]] == [
        "arXiv:1508.06576",
        "arXiv:1409.1556",
    ]
