"""What each task shows: which stimuli meet in a trial, in which places, and which answer is right.

Oddity: Wallis et al. 2017. Match to sample: the sample's content and style against foils that share one of them. Triads
and quads: maximum likelihood difference scaling, Knoblauch & Maloney 2012. Single: Latin square.
"""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence

from neckar.pipeline.trials import chance
from neckar.pipeline.trials.crops import crops_of
from neckar.pipeline.trials.stimulus import CONDITION, Groups, Stimulus, Trial, named
from neckar.schemas.errors import UserError
from neckar.schemas.trials import Trials

STYLISED = ("stylised", "congruent")
Cell = tuple[tuple[str, str], ...]


def oddity(stimuli: Sequence[Stimulus], asked: Trials, subject: int) -> list[Trial]:
    """Two of one class and one of the other, of one content: made ones against `asked.against`, each odd in turn."""
    groups = Groups.of(stimuli)
    references: dict[str | None, list[Stimulus]] = defaultdict(list)
    for members in groups.cells.values():
        if members[0].condition == asked.against:
            references[members[0].content] += members
    drawn: list[tuple[Cell, str, list[Stimulus], Stimulus]] = []
    for cell, made in groups.cells.items():
        others = references.get(made[0].content, [])
        if made[0].condition == asked.against or not others or made[0].condition not in STYLISED:
            continue
        for kind, twins, odd in (("made", others, made), (asked.against, made, others)):
            if len(twins) > 1 or asked.crop is not None:
                turn = subject + chance.of(asked.seed, named(cell), kind).randrange(1000)
                first, second = twins[turn % len(twins)], twins[(turn + 1) % len(twins)]
                drawn.append((cell, kind, [first, second], odd[turn % len(odd)]))
    if not drawn:
        told = f"no two pictures of one class to tell a third from, stylised against {asked.against}"
        raise UserError.at("trials.oddity", f"{told}; add exemplars, the condition {asked.against}, or a crop")
    picks = chance.of(asked.seed, subject, "oddity")
    trials = []
    for kind in ("made", asked.against):
        of_kind = [one for one in drawn if one[1] == kind]
        places = chance.balanced((1, 2, 3), len(of_kind), picks)
        for (cell, _, twins, odd_one), place in zip(of_kind, places, strict=True):
            shown = [*twins]
            shown.insert(place - 1, odd_one)
            trials.append(_trial("oddity", named(cell), kind, shown, place, asked, picks))
    return trials


def match_to_sample(stimuli: Sequence[Stimulus], asked: Trials, subject: int) -> list[Trial]:
    """A sample (A, 1), the target (A, 1) as another exemplar, and a foil, (A, 2) or (B, 1): two choices, the sample."""
    groups = Groups.of([one for one in stimuli if one.condition in STYLISED and one.content and one.style])
    by_rest: dict[Cell, dict[tuple[str | None, str | None], list[Stimulus]]] = defaultdict(dict)
    for cell, members in groups.cells.items():
        rest = tuple(one for one in cell if one[0] not in {"content", "style", CONDITION})
        by_rest[rest][members[0].content, members[0].style] = members
    drawn: list[tuple[Cell, str, list[Stimulus], list[list[Stimulus]]]] = []
    for rest, pictures in by_rest.items():
        for (content, style), members in pictures.items():
            if len(members) < 2 and asked.crop is None:
                continue
            cell = (("content", str(content)), ("style", str(style)), *rest)
            foils = {
                "other style": [m for (c, s), m in pictures.items() if c == content and s != style],
                "other content": [m for (c, s), m in pictures.items() if s == style and c != content],
            }
            drawn += [(cell, kind, members, found) for kind, found in foils.items() if found]
    if not drawn:
        told = "no sample with a second exemplar, another style and another content"
        raise UserError.at("trials.match_to_sample", f"{told}; add exemplars, or a crop")
    picks = chance.of(asked.seed, subject, "match_to_sample")
    trials = []
    for kind in ("other style", "other content"):
        of_kind = [one for one in drawn if one[1] == kind]
        places = chance.balanced((1, 2), len(of_kind), picks)
        for (cell, _, members, others), place in zip(of_kind, places, strict=True):
            turn = subject + chance.of(asked.seed, named(cell), kind).randrange(1000)
            sample, target = members[turn % len(members)], members[(turn + 1) % len(members)]
            foil = others[turn % len(others)]
            choices = [foil[turn % len(foil)]]
            choices.insert(place - 1, target)
            trials.append(_trial("match_to_sample", named(cell), kind, [*choices, sample], place, asked, picks))
    return trials


def triads(stimuli: Sequence[Stimulus], asked: Trials, subject: int) -> list[Trial]:
    """All a < b < c of a series, as (a, b, c) or (c, b, a): the first or the second difference is the larger one."""
    return _scaled(stimuli, asked, subject, 3)


def quads(stimuli: Sequence[Stimulus], asked: Trials, subject: int) -> list[Trial]:
    """All a < b < c < d of a series, as (a, b | c, d) or (c, d | a, b): one of the pairs differs more."""
    return _scaled(stimuli, asked, subject, 4)


def _scaled(stimuli: Sequence[Stimulus], asked: Trials, subject: int, many: int) -> list[Trial]:
    name = asked.task
    picks = chance.of(asked.seed, subject, name)
    trials = []
    for cell, series in _series(stimuli, asked, subject):
        combinations = list(itertools.combinations(series, many))
        turned = chance.balanced((False, True), len(combinations), picks)
        for chosen, turn in zip(combinations, turned, strict=True):
            shown = list(chosen)
            if turn:
                shown = shown[::-1] if many == 3 else shown[2:] + shown[:2]
            trials.append(Trial(name, cell, "turned" if turn else "as ordered", tuple(one.id for one in shown), 0))
    if not trials:
        told = f"no series of {many} levels or more along {asked.along}"
        raise UserError.at(f"trials.{name}", f"{told}; name an ordered factor of the set with more levels")
    return trials


def _series(stimuli: Sequence[Stimulus], asked: Trials, subject: int) -> Iterator[tuple[str, list[Stimulus]]]:
    """Stimuli alike in all but one factor, in its order; of several exemplars the subject sees one."""
    along = asked.along
    assert along is not None
    if not any(along in one.levels for one in stimuli):
        raise UserError.at("trials.along", f"{along!r} is no factor of the set")
    found: dict[Cell, dict[str, list[Stimulus]]] = defaultdict(lambda: defaultdict(list))
    for one in sorted(stimuli, key=lambda one: one.id):
        if along in one.levels:
            rest = tuple(part for part in one.cell if part[0] != along)
            found[rest][one.levels[along]].append(one)
    for rest, levels in sorted(found.items()):
        cell = named(rest)
        shared = set.intersection(*({one.exemplar for one in members} for members in levels.values()))
        if not shared:
            continue
        exemplars = sorted(shared)
        turn = subject + chance.of(asked.seed, cell).randrange(1000)
        wanted = exemplars[turn % len(exemplars)]
        in_order = sorted(levels, key=_place)
        yield cell, [next(one for one in levels[level] if one.exemplar == wanted) for level in in_order]


def _place(level: str) -> tuple[float, str]:
    """Numbers by size, other levels by name after them."""
    try:
        return float(level), ""
    except ValueError:
        return float("inf"), level


def single(stimuli: Sequence[Stimulus], asked: Trials, subject: int) -> list[Trial]:
    """One picture a trial: every item once, at the level that the Latin square gives this subject."""
    along = asked.along
    assert along is not None
    items: dict[Cell, dict[str, list[Stimulus]]] = defaultdict(lambda: defaultdict(list))
    for one in sorted(stimuli, key=lambda one: one.id):
        if along in one.levels:
            items[tuple(part for part in one.cell if part[0] != along)][one.levels[along]].append(one)
    if not items:
        raise UserError.at("trials.along", f"{along!r} is no factor of the set")
    trials = []
    for row, (cell, levels) in enumerate(sorted(items.items())):
        in_order = sorted(levels, key=_place)
        level = in_order[(row + subject) % len(in_order)]
        members = levels[level]
        shown = members[(subject // len(in_order)) % len(members)]
        trials.append(Trial("single", named(cell), f"{along}={level}", (shown.id,), 0))
    return trials


def catches(stimuli: Sequence[Stimulus], asked: Trials, subject: int) -> list[Trial]:
    """Trials whose answer nobody misses: what is to be told apart differs in content and in style."""
    picks = chance.of(asked.seed, subject, "catch")
    ready = sorted(stimuli, key=lambda one: one.id)
    unlike = [(a, b) for a, b in itertools.combinations(ready, 2) if a.content != b.content and a.style != b.style]
    if asked.catch and not unlike:
        told = "no two stimuli differ in content and in style, so there is nothing to catch by"
        raise UserError.at("trials.catch", f"{told}; write catch: 0")
    trials = []
    places = chance.balanced((1, 2, 3) if asked.task == "oddity" else (1, 2), asked.catch, picks)
    for place in places:
        a, b = picks.choice(unlike)
        if asked.task == "oddity":
            shown = [a, a]
            shown.insert(place - 1, b)
        elif asked.task == "match_to_sample":
            shown = [b]
            shown.insert(place - 1, a)
            shown.append(a)
        elif asked.task == "single":
            shown = [a]
        elif asked.task == "triads":  # one of the two differences is none at all
            shown = [b, a, a] if place == 1 else [a, a, b]
        else:
            shown = [a, b, a, a] if place == 1 else [a, a, a, b]
        trials.append(
            Trial(asked.task, "catch", "catch", tuple(one.id for one in shown), 0 if asked.task == "single" else place)
        )
    return trials


def _trial(
    task: str, cell: str, kind: str, shown: Sequence[Stimulus], answer: int, asked: Trials, picks: random.Random
) -> Trial:
    crops = crops_of(shown, asked.crop, picks) if asked.crop is not None else ()
    return Trial(task, cell, kind, tuple(one.id for one in shown), answer, crops)


TASKS = {"oddity": oddity, "match_to_sample": match_to_sample, "triads": triads, "quads": quads, "single": single}
