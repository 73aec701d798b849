"""What the documents name exists: files, folders and modules."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(path.relative_to(ROOT) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")))
PLACE = re.compile(r"(?<![\w/.:-])((?:pipeline|jobs|schemas|tests|docs|\.ci)/[\w./-]*[\w/])")
MODULE = re.compile(r"\bneckar(?:\.[a-z]\w*)+")


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_named_files_exist(document):
    named = PLACE.findall((ROOT / document).read_text())
    assert [place for place in named if not (ROOT / place).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_named_modules_exist(document):
    named = {name for name in MODULE.findall((ROOT / document).read_text()) if name.split(".")[1] not in PUBLIC}
    assert [name for name in sorted(named) if not _exists(name)] == []


PUBLIC = {"run", "validate", "open_run"}


def _exists(name):
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def test_the_architecture_is_among_them():
    assert Path("docs/architecture.md") in DOCUMENTS
    assert len(PLACE.findall((ROOT / "docs/architecture.md").read_text())) > 30
