"""The spec hash: the same for the same image, another for any other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from neckar.pipeline.results.identity import canonical_json, spec_hash
from neckar.schemas.settings import Settings
from tests.results.samples import sha

BASE: dict[str, Any] = {
    "content_sha256": sha("content"),
    "style_sha256": sha("style"),
    "settings": Settings(precision="float32"),
    "weights_sha256": sha("weights"),
    "algorithm_version": 1,
}
FROZEN = "03cc8522af8115768e05af16e24d2e5384aa02e0ad492da03c53b8556f409a13"


def settings(**changes: Any) -> Settings:
    return Settings(**({"precision": "float32"} | changes))


def test_the_hash_is_frozen() -> None:
    # A change here orphans every image ever made: raise algorithm_version on purpose, never change this by accident.
    assert spec_hash(**BASE) == FROZEN


@pytest.mark.parametrize(
    "change",
    [
        {"content_sha256": sha("other")},
        {"content_sha256": None},
        {"style_sha256": sha("other")},
        {"style_sha256": None},
        {"content_sha256": sha("style"), "style_sha256": sha("content")},
        {"weights_sha256": sha("other")},
        {"algorithm_version": 2},
        {"settings": settings(precision="bfloat16")},
        {"settings": settings(seed=1)},
        {"settings": settings(alpha=2e-3)},
        {"settings": settings(size=[256, 256])},
        {"settings": settings(style_layers=["conv1_1"])},
        {"settings": settings(style_layers={"conv1_1": 0.5})},
        {"settings": settings(init="content")},
        {"settings": settings(init_sigma=10.0)},
        {"settings": settings(iterations=499)},
        {"settings": settings(tolerance=1e-4)},
        {"settings": settings(optimizer="adam")},
        {"settings": settings(pooling="max")},
        {"settings": settings(loss="gatys_pytorch")},
        {"settings": settings(resample="bilinear")},
        {"settings": settings(normalise_activations=True)},
    ],
)
def test_what_decides_the_pixels_decides_the_hash(change: dict[str, Any]) -> None:
    assert spec_hash(**(BASE | change)) != spec_hash(**BASE)


def test_the_same_meaning_has_one_hash() -> None:
    spelt = settings(beta=1, style_layers=["conv5_1", "conv4_1", "conv3_1", "conv2_1", "conv1_1"])
    weighted = settings(style_layers={f"conv{block}_1": 0.2 for block in (3, 1, 2, 5, 4)})
    assert spec_hash(**(BASE | {"settings": spelt})) == spec_hash(**BASE)
    assert spec_hash(**(BASE | {"settings": weighted})) == spec_hash(**BASE)


def test_a_start_image_counts_by_its_content_not_its_place() -> None:
    here = BASE | {"settings": settings(init="s3://bucket/start.png"), "init_sha256": sha("start")}
    there = BASE | {"settings": settings(init="/home/start.jpg"), "init_sha256": sha("start")}
    changed = here | {"init_sha256": sha("another start")}
    assert spec_hash(**here) == spec_hash(**there)
    assert spec_hash(**changed) != spec_hash(**here)


def test_what_is_not_resolved_is_refused() -> None:
    for change in (
        {"settings": Settings()},
        {"settings": settings(init="start.png")},
        {"init_sha256": sha("start")},
    ):
        with pytest.raises(AssertionError):
            spec_hash(**(BASE | change))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), json_values, max_size=5))
@hypothesis_settings(max_examples=50)
def test_the_order_of_keys_is_no_meaning(value: dict[str, Any]) -> None:
    assert canonical_json(value) == canonical_json(dict(reversed(value.items())))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_does_not_have_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json({"alpha": value})
