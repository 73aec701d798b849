"""What this machine cannot compute is refused by every command that would compute it, before anything is started."""

import pytest

BFLOAT16 = "settings: {precision: bfloat16, size: 32, iterations: 2}"
HUGE = "settings: {size: [4096, 4096]}"
HEAD = "schema_version: 1\nname: n\npairs: [{content: package:skimage/data/coffee.png}]\n"
AVX2 = {"NECKAR_PROCESSOR": "avx2"}  # where the processor has no more, this changes nothing


@pytest.mark.parametrize("command", [("validate",), ("plan",), ("run", "--output", "out")])
def test_bfloat16_without_a_processor_for_it(neckar, tmp_path, command):
    (tmp_path / "m.yaml").write_text(HEAD + BFLOAT16)
    name, *options = command
    answer = neckar(name, "m.yaml", *options, env=AVX2)
    assert answer.returncode == 2, answer.stderr
    (line,) = answer.stderr.splitlines()
    assert "m.yaml: precision: bfloat16 cannot be computed on" in line
    assert "precision: float32 or auto" in line
    assert not (tmp_path / "out").exists()


def test_bench_asks_too_and_measures_by_itself_what_there_is(neckar):
    answer = neckar("bench", "--precision", "bfloat16", env=AVX2)
    assert answer.returncode == 2
    assert "--precision bfloat16: bfloat16 cannot be computed" in answer.stderr


def test_elsewhere_it_may_be_possible(neckar, tmp_path):
    (tmp_path / "m.yaml").write_text(HEAD + BFLOAT16)
    assert neckar("validate", "m.yaml", "--elsewhere", env=AVX2).returncode == 0


@pytest.mark.parametrize("command", [("plan",), ("run", "--output", "out")])
def test_a_size_that_cannot_fit_is_told_with_the_number(neckar, tmp_path, command):
    free = tmp_path / "sitecustomize.py"  # a machine of two GiB, for the command alone
    free.write_text("from neckar.pipeline.synthesis.engine import host\nhost.free_memory = lambda: 2 * 2**30\n")
    (tmp_path / "m.yaml").write_text(HEAD + HUGE)
    name, *options = command
    answer = neckar(name, "m.yaml", *options, env={"PYTHONPATH": str(tmp_path)})
    assert answer.returncode == 2, answer.stderr
    assert "one picture of 4096 x 4096 px needs about" in answer.stderr
    assert "2.0 GiB are free here; make it smaller" in answer.stderr
    assert not (tmp_path / "out").exists()
