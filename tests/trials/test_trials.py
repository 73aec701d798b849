"""Trials: what is shown, how it is balanced over a thousand subjects, and in which order."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest

from neckar.pipeline.trials.session import trials_of
from neckar.pipeline.trials.stimulus import Stimulus
from neckar.schemas.errors import UserError
from neckar.schemas.trials import Trials

CONTENTS, STYLES, ALPHAS = "AB", "123", ("1e-5", "0.001", "0.1")
SUBJECTS = 1000


def stimulus(condition="stylised", content=None, style=None, side=128, **levels):
    names = {"condition": condition, **levels}
    names |= {key: value for key, value in (("content", content), ("style", style)) if value}
    id_ = "-".join(f"{value}" for value in names.values())
    return Stimulus(id_, condition, content, style, names, side, side)


def the_set(exemplars=2, originals=1):
    made = [
        stimulus(content=c, style=s, alpha=a, exemplar=str(e + 1))
        for c, s, a, e in itertools.product(CONTENTS, STYLES, ALPHAS, range(exemplars))
    ]
    return made + [stimulus("original", content=c, exemplar=str(i + 1)) for c in CONTENTS for i in range(originals)]


def by_id(stimuli):
    return {one.id: one for one in stimuli}


def test_oddity_is_balanced_over_subjects_in_place_class_and_exemplar():
    stimuli, asked = the_set(), Trials(task="oddity", subjects=SUBJECTS)
    known = by_id(stimuli)
    places, exemplars, trials = Counter(), Counter(), 0
    for subject in range(1, SUBJECTS + 1):
        own = trials_of(stimuli, asked, subject)
        trials += len(own)
        assert len(own) == 18  # cells; two originals of one content there are not
        here = Counter(trial.answer for trial in own)
        assert max(here.values()) - min(here.values()) == 0
        for trial in own:
            odd = known[trial.stimuli[trial.answer - 1]]
            rest = [known[name] for i, name in enumerate(trial.stimuli, 1) if i != trial.answer]
            assert len({one.condition for one in rest}) == 1 != odd.condition
            assert {one.content for one in (odd, *rest)} == {odd.content}
            assert rest[0].id != rest[1].id
            places[trial.answer] += 1
            exemplars[rest[0].exemplar] += 1
    assert all(count == trials / 3 for count in places.values())
    assert max(exemplars.values()) - min(exemplars.values()) <= 0.02 * trials


def test_oddity_with_crops_makes_each_class_odd_and_crops_do_not_overlap():
    stimuli, asked = the_set(), Trials(task="oddity", subjects=9, crop=40)
    kinds = Counter()
    for subject in range(1, 10):
        for trial in trials_of(stimuli, asked, subject):
            kinds[trial.kind] += 1
            assert len(trial.crops) == 3
            for a, b in itertools.combinations(trial.crops, 2):
                assert abs(a.left - b.left) >= 40 or abs(a.top - b.top) >= 40
            assert all(0 <= c.left <= 128 - 40 and 0 <= c.top <= 128 - 40 for c in trial.crops)
    assert kinds == {"made": 9 * 18, "original": 9 * 18}


def test_crops_larger_than_half_the_picture_are_refused():
    with pytest.raises(UserError, match=r"crops of 65 px are larger than half of .* \(128 x 128 px\).*64 px"):
        trials_of(the_set(), Trials(task="oddity", subjects=1, crop=65), 1)


def test_match_to_sample_shares_one_thing_with_each_foil():
    stimuli, asked = the_set(), Trials(task="match_to_sample", subjects=SUBJECTS)
    known, places, kinds = by_id(stimuli), Counter(), Counter()
    for subject in range(1, SUBJECTS + 1):
        for trial in trials_of(stimuli, asked, subject):
            *choices, sample = (known[name] for name in trial.stimuli)
            target, foil = choices[trial.answer - 1], choices[2 - trial.answer]
            assert target.cell == sample.cell
            assert target.id != sample.id
            shares = (foil.content == sample.content, foil.style == sample.style)
            assert shares == ((True, False) if trial.kind == "other style" else (False, True))
            assert foil.levels["alpha"] == sample.levels["alpha"]
            places[trial.answer] += 1
            kinds[trial.kind] += 1
    assert abs(places[1] - places[2]) <= 0.01 * places.total()
    assert kinds["other style"] == kinds["other content"]


@pytest.mark.parametrize(("task", "many", "count"), [("triads", 3, 84), ("quads", 4, 126)])
def test_scales_of_nine_levels_have_all_their_trials(task, many, count):
    stimuli = [stimulus(content="A", style="1", alpha=f"1e-{9 - i}", exemplar="1") for i in range(9)]
    own = trials_of(stimuli, Trials(task=task, subjects=1, along="alpha"), 1)
    assert len(own) == count
    assert len({trial.pictures for trial in own}) == count
    known = by_id(stimuli)
    for trial in own:
        values = [float(known[name].levels["alpha"]) for name in trial.stimuli]
        turned = values[::-1] if many == 3 else values[2:] + values[:2]
        assert sorted(values) in (values, turned)
    turns = Counter(trial.kind for trial in own)
    assert abs(turns["turned"] - turns["as ordered"]) <= count % 2


def test_singles_follow_a_latin_square():
    stimuli, asked = the_set(), Trials(task="single", subjects=3, along="alpha")
    seen = [{trial.cell: trial.kind for trial in trials_of(stimuli, asked, subject)} for subject in (1, 2, 3)]
    assert len(seen[0]) == 6
    for cell in seen[0]:
        assert {one[cell] for one in seen} == {f"alpha={alpha}" for alpha in ALPHAS}
    for one in seen:
        assert set(Counter(one.values()).values()) == {2}


@pytest.mark.parametrize("task", ["oddity", "match_to_sample", "single", "triads"])
def test_no_picture_comes_twice_running_and_repeats_and_catches_are_there(task):
    along = "alpha" if task in {"single", "triads"} else None
    asked = Trials(task=task, subjects=1, repeat=2, catch=4, along=along)
    stimuli = the_set()
    own = trials_of(stimuli, asked, 1)
    for before, after in itertools.pairwise(own):
        assert before.pictures.isdisjoint(after.pictures)
    assert Counter(trial.kind == "catch" for trial in own)[True] == 4
    repeats = Counter(trial.repeat for trial in own if trial.kind != "catch")
    assert repeats[1] == repeats[2]


def test_the_order_of_the_stimuli_changes_nothing_and_subject_and_seed_do():
    stimuli = the_set()
    shuffled = list(stimuli)
    random.Random(0).shuffle(shuffled)
    for task in ("oddity", "match_to_sample"):
        asked = Trials(task=task, subjects=2, catch=2)
        assert trials_of(stimuli, asked, 1) == trials_of(shuffled, asked, 1)
        assert trials_of(stimuli, asked, 1) != trials_of(stimuli, asked, 2)
        assert trials_of(stimuli, asked, 1) != trials_of(stimuli, Trials(task=task, subjects=2, catch=2, seed=1), 1)


@pytest.mark.parametrize(
    ("stimuli", "asked", "told"),
    [
        (the_set(1), {"task": "oddity"}, "no two pictures of one class"),
        (the_set(1), {"task": "match_to_sample"}, "no sample with a second exemplar"),
        (the_set(), {"task": "oddity", "against": "noise"}, "stylised against noise"),
        (the_set(), {"task": "triads", "along": "beta"}, "'beta' is no factor of the set"),
        (the_set(), {"task": "quads", "along": "alpha"}, "no series of 4 levels or more along alpha"),
        (the_set()[:2], {"task": "oddity", "catch": 1}, "no two"),
        ([stimulus(content="A", style="1", alpha=a) for a in ALPHAS], {"task": "triads", "along": "alpha", "repeat": 3},
         "keeps A"),
    ],
)  # fmt: skip
def test_what_a_set_does_not_hold_is_told(stimuli, asked, told):
    with pytest.raises(UserError) as caught:
        trials_of(stimuli, Trials(subjects=1, **asked), 1)
    message = str(caught.value)
    assert told in message or told.replace("keeps A", "out of two running") in message
