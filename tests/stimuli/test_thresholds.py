"""What a stimulus must hold, asked only of the terms that it has."""

from __future__ import annotations

import pytest

from neckar.pipeline.stimuli.thresholds import check_percentiles, failed
from neckar.schemas.errors import UserError
from neckar.schemas.finishing import Quality

ROW = {
    "gram_rel_err_conv1_1": 0.2,
    "gram_rel_err_conv1_1_null_percentile": 0.0,
    "gram_rel_err_conv4_1": 0.6,
    "gram_rel_err_conv4_1_null_percentile": 50.0,
    "content_pearson_r": 0.4,
    "content_spearman_rho": 0.3,
    "content_pearson_r_null_percentile": 100.0,
    "clip_low": 0.0,
    "clip_high": 0.1,
    "copies_style": True,
    "near_duplicates": ["other"],
    "match": "lum",
    "match_forbidden_by": "the gamut",
}


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"gram_rel_err": 0.5}, ["gram_rel_err_conv4_1 0.6 > 0.5"]),
        ({"gram_rel_err": 0.7}, []),
        ({"gram_percentile": 40.0}, ["gram_rel_err_conv4_1_null_percentile 50 > 40"]),
        ({"content_pearson_r": 0.5}, ["content_pearson_r 0.4 < 0.5"]),
        ({"content_spearman_rho": 0.2}, []),
        ({"content_percentile": 100.0}, []),
        ({"clipped": 0.05}, ["clip_high 0.1 > 0.05"]),
        ({"copies": True}, ["it copies a piece of its style"]),
        ({"near_duplicates": True}, ["it nearly equals other"]),
        ({"match": True}, ["it could not be matched: the gamut"]),
        ({"gram_rel_err": 0.5, "clipped": 0.05}, ["gram_rel_err_conv4_1 0.6 > 0.5", "clip_high 0.1 > 0.05"]),
    ],
)
def test_each_threshold(wanted, told):
    assert failed(ROW, Quality(**wanted)) == told


def test_nothing_is_asked_of_a_term_that_there_is_not():
    row = {"near_duplicates": [], "content_pearson_r": 0.4}
    assert failed(row, Quality(gram_rel_err=0.1, copies=True)) is None
    assert failed(row, Quality(gram_rel_err=0.1, content_pearson_r=0.3)) == []


def test_percentiles_finer_than_the_null_are_refused():
    with pytest.raises(UserError, match="5 % is finer than 4 other styles can tell"):
        check_percentiles(Quality(gram_percentile=5.0), styles=4, contents=9)
    with pytest.raises(UserError, match="95 % is finer than 9 other contents"):
        check_percentiles(Quality(content_percentile=95.0), styles=4, contents=9)
    with pytest.raises(UserError, match="the set has no other contents to compare with"):
        check_percentiles(Quality(content_percentile=0.0), styles=4, contents=0)
    check_percentiles(Quality(gram_percentile=25.0, content_percentile=0.0), styles=4, contents=1)
    check_percentiles(Quality(gram_percentile=5.0, content_percentile=95.0), styles=20, contents=20)
