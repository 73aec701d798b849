"""What a design is worth before anything is computed: its cells, the uses of its images, confounds, power."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from neckar.schemas.levels import EXEMPLAR
from neckar.schemas.pair import Pair

CHANCES = {"1/2": 1 / 2, "1/3": 1 / 3}  # of two alternatives, and of the odd one out of three
SIGNIFICANCE, POWER = 0.05, 0.8
LEVELS_MAX = 200  # of a factor that is looked at for confounds: beyond it, a table of them says nothing
CONFOUNDED = 0.1  # of Cramér's V: beneath it two factors go their own ways
STYLISED = ("stylised", "congruent")


@dataclass(frozen=True, slots=True)
class Power:
    """Of an exact binomial test of one cell against chance, one-sided.

    Attributes:
        criterion: so many trials right reject chance at 5 %; None where not even all of them do.
        accuracy: share of right answers from which on that happens in 80 % of the experiments; None likewise.
    """

    criterion: int | None
    accuracy: float | None


@dataclass(slots=True)
class Audit:
    """What was counted.

    Attributes:
        cells: pairs by cell; a cell is a condition with levels of all factors but images and exemplars.
        columns: what the cells' names are made of, after the condition.
        uses: "content" and "style" to image to stylised pairs.
        confounded: pairs of factors with Cramér's V above 0.1, strongest first.
    """

    cells: Counter[tuple[str, ...]] = field(default_factory=Counter)
    columns: tuple[str, ...] = ()
    uses: dict[str, Counter[str]] = field(default_factory=lambda: {"content": Counter(), "style": Counter()})
    confounded: list[tuple[str, str, float]] = field(default_factory=list)

    @property
    def congruent(self) -> int:
        """Pairs that a rule tells apart."""
        return sum(count for cell, count in self.cells.items() if cell[0] == "congruent")


def audit(pairs: Iterable[Pair], columns: Iterable[str] = ()) -> Audit:
    """Count the pairs of a design.

    Args:
        pairs: all of them, once.
        columns: of the images' tables, that make cells too, e.g. "content.category".
    """
    columns = tuple(dict.fromkeys(columns))
    found = Audit()
    together: dict[tuple[str, str], Counter[tuple[str, str]]] = defaultdict(Counter)
    crowded: set[str] = set()
    names: dict[str, None] = {}
    cells: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
    for pair in pairs:
        if not pair.levels:
            continue
        condition = pair.settings.condition
        factors = {name: level for name, level in pair.levels.items() if name not in {EXEMPLAR, "condition"}}
        known = {name: pair.extra[name] for name in columns if name in pair.extra}
        own = {**known, **{name: level for name, level in factors.items() if name not in found.uses}}
        names |= dict.fromkeys(own)
        cells[condition, tuple(own.items())] += 1
        if condition in STYLISED:
            for side, uses in found.uses.items():
                if side in pair.levels:
                    uses[pair.levels[side]] += 1
            _add(together, crowded, {**known, **factors})
    found.columns = tuple(names)
    for (condition, values), count in cells.items():
        of = dict(values)
        found.cells[(condition, *(of.get(name, "") for name in found.columns))] += count
    associations = (
        (a, b, cramers_v(counts))
        for (a, b), counts in together.items()
        if not {a, b} & crowded and not _is_sparse(counts)
    )
    found.confounded = sorted((one for one in associations if one[2] > CONFOUNDED), key=lambda one: -one[2])
    return found


def _add(
    together: dict[tuple[str, str], Counter[tuple[str, str]]], crowded: set[str], factors: Mapping[str, str]
) -> None:
    for (a, x), (b, y) in itertools.combinations(factors.items(), 2):
        if a in crowded or b in crowded or _belongs(a, b):
            continue
        counts = together[a, b]
        counts[x, y] += 1
        if len(counts) > LEVELS_MAX**2:
            crowded |= {name for name, i in ((a, 0), (b, 1)) if len({key[i] for key in counts}) > LEVELS_MAX}


def _belongs(a: str, b: str) -> bool:
    """Whether one is an image and the other a column of its own: they go together by what they are."""
    return b == a.partition(".")[0] or a == b.partition(".")[0] or a.partition(".")[0] == b.partition(".")[0] != a


def _is_sparse(counts: Mapping[tuple[str, str], int]) -> bool:
    """Whether there are fewer pairs than cells: V is then large by chance."""
    rows, columns = {x for x, _ in counts}, {y for _, y in counts}
    return sum(counts.values()) < len(rows) * len(columns)


def cramers_v(counts: Mapping[tuple[str, str], int]) -> float:
    """The association of two factors, 0 (none) to 1 (each tells the other): sqrt(chi2 / (n min(r - 1, c - 1)))."""
    rows: Counter[str] = Counter()
    columns: Counter[str] = Counter()
    for (x, y), count in counts.items():
        rows[x] += count
        columns[y] += count
    least = min(len(rows), len(columns)) - 1
    if least < 1:
        return 0.0
    # chi2 / n = sum of o^2 / (r c) - 1: cells without a pair add nothing
    share = math.fsum(count * count / (rows[x] * columns[y]) for (x, y), count in counts.items())
    return math.sqrt(max(share - 1.0, 0.0) / least)


def power(trials: int, chance: float) -> Power:
    """Of one cell with so many trials.

    Args:
        trials: that one observer sees.
        chance: share of right answers of somebody who guesses.
    """
    criterion = next((k for k in range(trials + 1) if _at_least(k, trials, chance) <= SIGNIFICANCE), None)
    if criterion is None:
        return Power(None, None)
    low, high = chance, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if _at_least(criterion, trials, middle) >= POWER else (middle, high)
    return Power(criterion, high)


def _at_least(k: int, n: int, p: float) -> float:
    """P(X >= k) of a binomial."""
    return math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))
