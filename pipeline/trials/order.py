"""The order of a subject's trials: random, and no picture in two trials running."""

from __future__ import annotations

import random
from collections.abc import Sequence

from neckar.pipeline.trials.stimulus import Trial
from neckar.schemas.errors import UserError

TRIES = 3  # of the quick way, which does for most sets
PATHS = 60  # of the careful way: all quads of nine levels have five others each that may follow


def ordered(trials: Sequence[Trial], chance: random.Random) -> list[Trial]:
    """The trials in such an order.

    Raises:
        UserError: none was found: too few pictures for so many trials.
    """
    bits = {name: 1 << i for i, name in enumerate(sorted({name for trial in trials for name in trial.pictures}))}
    seen = [sum(bits[name] for name in trial.pictures) for trial in trials]
    for way, times in ((_filled_in, TRIES), (_along_the_narrow, PATHS)):
        for _ in range(times):
            order = way(seen, chance)
            if order is not None:
                return [trials[i] for i in order]
    name = max(bits, key=lambda one: sum(bool(mask & bits[one]) for mask in seen))
    told = f"no order of {len(trials)} trials keeps {name} out of two running"
    raise UserError.at("trials", f"{told}; add stimuli, or lower repeat and catch")


def _filled_in(seen: Sequence[int], chance: random.Random) -> list[int] | None:
    """Each the next random one that may follow; what is left over goes wherever it fits."""
    left = list(range(len(seen)))
    chance.shuffle(left)
    order: list[int] = []
    over: list[int] = []
    while left:
        at = next((k for k in range(len(left) - 1, -1, -1) if not order or not seen[left[k]] & seen[order[-1]]), None)
        if at is None:
            over, left = left, []
        else:
            order.append(left.pop(at))
    for one in over:
        places = [0] if not seen[one] & seen[order[0]] else []
        places += [k for k in range(1, len(order)) if not seen[one] & (seen[order[k - 1]] | seen[order[k]])]
        if not places:
            return None
        order.insert(chance.choice(places), one)
    return order


def _along_the_narrow(seen: Sequence[int], chance: random.Random) -> list[int] | None:
    """Warnsdorff's rule: next is always the one that the fewest others may follow."""
    others = [{j for j, theirs in enumerate(seen) if not theirs & mine} for mine in seen]
    order = [chance.randrange(len(seen))]
    for _ in range(len(seen) - 1):
        last = order[-1]
        for j in others[last]:
            others[j].discard(last)
        if not others[last]:
            return None
        fewest = min(len(others[j]) for j in others[last])
        order.append(chance.choice(sorted(j for j in others[last] if len(others[j]) == fewest)))
    return order
