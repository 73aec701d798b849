"""The library of kernels in C: there, not there, or broken."""

from __future__ import annotations

import shutil
from importlib.machinery import ModuleSpec

import pytest
import torch

from neckar.pipeline.synthesis.kernels import compiled
from neckar.pipeline.synthesis.kernels.compiled import addresses, kernels_for, library
from neckar.pipeline.synthesis.kernels.processor import processor


@pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler here")
def test_where_there_is_a_compiler_it_is_built_and_loads():
    assert library() is not None


@pytest.mark.parametrize("content", [None, b"no library"])
def test_one_that_is_missing_or_does_not_load_is_none(monkeypatch, tmp_path, content):
    spec = None
    if content is not None:
        broken = tmp_path / "_compiled.so"
        broken.write_bytes(content)
        spec = ModuleSpec("_compiled", None, origin=str(broken))
    monkeypatch.setattr(compiled, "find_spec", lambda *_: spec)
    assert compiled.library.__wrapped__() is None


def test_they_take_whole_rows_of_contiguous_tensors_of_the_right_type_on_a_cpu():
    t, b = torch.zeros(4, 64), torch.zeros(4, 64, dtype=torch.bfloat16)
    assert kernels_for(64, bfloat16=[b], float32=[t, t[1:3]]) is library()
    assert kernels_for(48, bfloat16=[b]) is None
    assert kernels_for(64, bfloat16=[t]) is None
    assert kernels_for(64, float32=[b]) is None
    assert kernels_for(64, float32=[t, t.T]) is None
    assert kernels_for(64, float32=[t.to("meta")]) is None


def test_those_of_dots_take_a_processor_that_has_its_instructions():
    b = torch.zeros(4, 64, dtype=torch.bfloat16)
    found = library()
    able = found is not None and found.dots_are_built() and processor() == "avx512_bf16"  # AMX is left to oneDNN
    assert kernels_for(64, bfloat16=[b], dots=True) is (found if able else None)


def test_addresses_are_where_the_numbers_begin():
    t = torch.zeros(4, 6)
    assert addresses(t, t[1]) == [t.data_ptr(), t.data_ptr() + 6 * t.element_size()]
