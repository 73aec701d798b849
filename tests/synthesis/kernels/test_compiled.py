"""The library of kernels in C: there, not there, or broken."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.machinery import ModuleSpec

import pytest
import torch

from neckar.pipeline.synthesis.kernels import compiled
from neckar.pipeline.synthesis.kernels.compiled import addresses, kernels_for, library
from neckar.pipeline.synthesis.kernels.processor import processor


def _compiler() -> bool:
    """Whether what builds extensions here runs at all: `CC` may name something else, or nothing that compiles."""
    name = shutil.which(os.environ.get("CC", "gcc"))
    return name is not None and subprocess.run([name, "--version"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _compiler(), reason="no C compiler here")
def test_where_there_is_a_compiler_it_is_built_and_loads():
    assert library() is not None


@pytest.mark.parametrize("content", [None, b"no library"])
def test_one_that_is_missing_or_does_not_load_is_none(monkeypatch, tmp_path, content):
    spec = None
    if content is not None:
        broken = tmp_path / "_any.so"
        broken.write_bytes(content)
        spec = ModuleSpec("_any", None, origin=str(broken))
    monkeypatch.setattr(compiled, "find_spec", lambda *_: spec)
    assert compiled.library.__wrapped__() is None


def loaded(monkeypatch, kind: str, *, missing: tuple[str, ...] = ()) -> str:
    """Which library a processor of this class loads, where all were built but for the missing ones."""
    asked = []

    def find(name: str, _: str) -> ModuleSpec | None:
        asked.append(name)
        return None if name[1:] in missing else ModuleSpec(name, None, origin=library()._name)

    monkeypatch.setattr(compiled, "processor", lambda: kind)
    monkeypatch.setattr(compiled, "find_spec", find)
    assert compiled.library.__wrapped__() is not None
    return asked[-1]


@pytest.mark.skipif(library() is None, reason="no C compiler when this was installed")
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("amx", "._avx512"),  # its products in bfloat16 are oneDNN's
        ("avx512_bf16", "._avx512_bf16"),
        ("avx512", "._avx512"),
        ("avx2", "._avx2"),
        ("arm_bf16", "._base"),
        ("arm", "._base"),
        ("other", "._base"),
    ],
)
def test_every_class_of_processor_loads_its_own(monkeypatch, kind, name):
    assert loaded(monkeypatch, kind) == name


@pytest.mark.skipif(library() is None, reason="no C compiler when this was installed")
def test_what_an_old_compiler_did_not_know_is_passed_over(monkeypatch):
    assert loaded(monkeypatch, "avx512_bf16", missing=("_avx512_bf16", "_avx512")) == "._avx2"


def test_they_take_whole_rows_of_contiguous_tensors_of_the_right_type_on_a_cpu():
    t, b = torch.zeros(4, 64), torch.zeros(4, 64, dtype=torch.bfloat16)
    maps = "differences_of_maps"
    assert kernels_for(64, b, b, float32=[t, t[1:3]], needed=maps) is library()
    assert kernels_for(64, t, t, float32=[t], needed=maps) is library()
    assert kernels_for(48, b, needed=maps) is None
    assert kernels_for(64, b, t, needed=maps) is None
    assert kernels_for(64, t, float32=[b], needed=maps) is None
    assert kernels_for(64, t.double(), needed=maps) is None
    assert kernels_for(64, t, t.T, needed=maps) is None
    assert kernels_for(64, t.to("meta"), needed=maps) is None


def test_products_take_a_processor_that_has_their_instructions():
    t, b, kind = torch.zeros(4, 64), torch.zeros(4, 64, dtype=torch.bfloat16), processor()
    assert kernels_for(64, b, needed="products") is (library() if kind == "avx512_bf16" else None)
    assert kernels_for(64, t, needed="products") is (None if kind.startswith("arm") or kind == "other" else library())
    assert kernels_for(64, t, needed="history_sum") is None  # there is no history in float32


def test_addresses_are_where_the_numbers_begin():
    t = torch.zeros(4, 6)
    assert addresses(t, t[1]) == [t.data_ptr(), t.data_ptr() + 6 * t.element_size()]
