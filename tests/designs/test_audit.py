"""Audits: counts, associations and power against numbers worked out apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from neckar.pipeline.designs.audit import audit, cramers_v, power
from neckar.schemas.pair import Pair
from neckar.schemas.settings import Settings


def pair(index, levels, extra=None, condition="stylised"):
    return Pair(index, f"p{index}", "c.png", "s.png", Settings(condition=condition), levels, extra or {})


def crossed(**factors):
    return [
        pair(i, dict(zip(factors, levels, strict=True)))
        for i, levels in enumerate(itertools.product(*factors.values()))
    ]


def test_a_full_factorial_has_equal_cells_and_no_confound():
    found = audit(crossed(content="ab", style="xyz", alpha="12", exemplar="123"))
    assert found.columns == ("alpha",)
    assert found.cells == {("stylised", "1"): 18, ("stylised", "2"): 18}
    assert found.uses == {"content": {"a": 18, "b": 18}, "style": {"x": 12, "y": 12, "z": 12}}
    assert found.confounded == []
    assert found.congruent == 0


def test_factors_that_move_together_are_told():
    pairs = [pair(i, {"alpha": level, "size": size}) for i, (level, size) in enumerate([("1", "a"), ("2", "b")] * 4)]
    assert audit(pairs).confounded == [("alpha", "size", pytest.approx(1.0))]


def test_columns_make_cells_and_are_no_confound_of_their_own_image():
    pairs = [
        pair(i, {"content": c, "style": s}, {"content.category": c[0], "style.category": s[0]}, condition)
        for i, (c, s, condition) in enumerate(
            [("a1", "x1", "stylised"), ("a2", "y1", "congruent"), ("b1", "x1", "congruent"), ("b2", "y1", "stylised")]
        )
    ]
    found = audit(pairs, ["content.category", "style.category"])
    assert found.columns == ("content.category", "style.category")
    assert found.cells["stylised", "a", "x"] == 1
    assert found.congruent == 2
    assert all("content" not in {a, b} or not {a, b} & {"content.category"} for a, b, _ in found.confounded)


def test_controls_are_cells_of_their_own_and_no_uses():
    found = audit([*crossed(content="ab", style="x"), pair(9, {"content": "a", "condition": "noise"}, None, "noise")])
    assert found.cells == {("stylised",): 2, ("noise",): 1}
    assert found.uses["content"] == {"a": 1, "b": 1}


@pytest.mark.parametrize("seed", range(5))
def test_association_is_scipys(seed):
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 9, (3, 4)) + np.eye(3, 4, dtype=int)
    counts = {(str(i), str(j)): int(table[i, j]) for i, j in np.ndindex(3, 4) if table[i, j]}
    assert cramers_v(counts) == pytest.approx(stats.contingency.association(table, method="cramer"))


@pytest.mark.parametrize("trials", [5, 12, 40])
@pytest.mark.parametrize("chance", [1 / 2, 1 / 3])
def test_power_is_that_of_the_exact_binomial(trials, chance):
    found = power(trials, chance)
    assert (
        stats.binom.sf(found.criterion - 1, trials, chance)
        <= 0.05
        < stats.binom.sf(found.criterion - 2, trials, chance)
    )
    assert stats.binom.sf(found.criterion - 1, trials, found.accuracy) == pytest.approx(0.8, abs=1e-9)


def test_too_few_trials_reject_nothing():
    assert power(4, 1 / 2).criterion is None
    assert power(5, 1 / 2).criterion == 5
