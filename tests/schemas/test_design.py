"""A factorial design: its cells, their names, and what is refused."""

import pytest

from neckar.schemas import identifier
from neckar.schemas.design import Design
from neckar.schemas.errors import UserError
from neckar.schemas.manifest import Manifest
from neckar.schemas.wording import validated


def refusal(**design):
    with pytest.raises(UserError) as caught:
        validated(Design, design)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("design", "lines"),
    [
        ({}, [": the design names no image; add content, style or both, or sources"]),
        ({"contents": ["a"]}, [": unknown key 'contents'; did you mean 'content'?"]),
        (
            {"content": "a.jpg"},
            ["content: 'a.jpg' is neither a list nor a mapping; write a list, or a mapping of level names to values"],
        ),
        (
            {"content": []},
            ["content: no level given; write a list, or a mapping of level names to values, or leave the factor out"],
        ),
        (
            {"content": ["a.jpg", 1, ""]},
            ["content[1]: 1 is not the URI of an image", "content[2]: '' is not the URI of an image"],
        ),
        ({"content": ["a.jpg", "a.jpg"]}, ["content[1]: 'a.jpg' stands twice; for repeats of one value use exemplar"]),
        (
            {"content": {"a b": "a.jpg"}},
            [f"content: 'a b' {identifier.mend('a level name')}"],
        ),
        (
            {"content": ["a"], "factors": {"alhpa": [1]}},
            ["factors.alhpa: 'alhpa' is not a setting, so it is no factor; did you mean 'alpha'?"],
        ),
        (
            {"content": ["a"], "factors": {"alpha": [1, -1, "x", 1.0], "pooling": {"p": "avarage"}}},
            [
                "factors.alpha[1]: -1 is out of range; write at least 0",
                "factors.alpha[2]: 'x' is not a number",
                "factors.alpha[3]: 1.0 stands twice; for repeats of one value use exemplar",
                "factors.pooling.p: 'avarage' is not a pooling; did you mean 'average'?",
            ],
        ),
        (
            {"content": ["a"], "factors": {"style_layers": [["conv1_1"], ["conv1_1", "conv1_9"]]}},
            ["factors.style_layers[1][1]: 'conv1_9' is not a layer; did you mean 'conv1_2'?"],
        ),
        (
            {"content": ["a"], "factors": {"exemplar": 0}},
            ["factors.exemplar: 0 is not a number of exemplars; write a whole number, 1 to 100000"],
        ),
        (
            {"content": ["a"], "factors": {"exemplar": 2, "seed": [1, 2]}},
            ["factors.exemplar: exemplars differ in the seed, which is a factor too; leave one out"],
        ),
        (
            {"content": ["a"], "factors": [1]},
            ["factors: [1] is not a mapping of factors to levels, e.g. {alpha: [0.001, 0.01]}"],
        ),
        (
            {"content": ["a"], "factors": {"exemplar": 100_000, "alpha": list(range(1000))}},
            [": the design has 100,000,000 cells, more than 10,000,000; leave a factor out"],
        ),
    ],
    ids=str,
)
def test_a_bad_design_is_told_with_place_and_mend(design, lines):
    assert refusal(**design) == lines


@pytest.mark.parametrize(
    ("settings", "factors", "told"),
    [
        ({"init": "content"}, {"exemplar": 3}, "3 seeds make 3 identical pictures with init: content"),
        ({"init": "start.png"}, {"seed": [1, 2]}, "2 seeds make 2 identical pictures with init: start.png"),
        ({}, {"exemplar": 2, "init": ["white_noise", "style"]}, "2 identical pictures with init: style"),
        ({"init_sigma": 0}, {"exemplar": 2}, "2 identical pictures with init_sigma: 0"),
        ({}, {"exemplar": 2, "init_sigma": [0, 1]}, "2 identical pictures with init_sigma: 0"),
        ({"init": "content"}, {"exemplar": 1}, None),
        ({"init": "content"}, {"init": ["white_noise"], "exemplar": 2}, None),
        ({"init": "content"}, {"alpha": [1, 2]}, None),
    ],
)
def test_repeats_of_a_start_without_noise_are_refused(settings, factors, told):
    design = {"content": ["a.png"], "style": ["b.png"], "factors": factors}
    manifest = {"schema_version": 1, "name": "n", "settings": settings, "design": design}
    if told is None:
        validated(Manifest, manifest)
        return
    with pytest.raises(UserError, match=told) as refused:
        validated(Manifest, manifest)
    (problem,) = refused.value.problems
    assert problem.place == f"design.factors.{next(name for name in ('exemplar', 'seed') if name in factors)}"
    assert "write init: white_noise" in problem.message
