"""Every pair of a manifest, streamed, and the survey that finds every mistake in them before any compute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from neckar.pipeline.manifests.reading import PairReader
from neckar.pipeline.manifests.source import LoadedManifest
from neckar.schemas.errors import Problem, UserError
from neckar.schemas.pair import Pair


@dataclass(frozen=True, slots=True)
class Survey:
    """What a manifest asks for.

    Attributes:
        pairs: how many.
        levels: of a design: factor to level to number of pairs.
        content_images: distinct photographs.
        style_images: distinct artworks.
        pairs_sha256: of the bytes of the `pairs_from` file, hex; None without one.
        precisions: that pairs ask for, `auto` among them.
        sizes: that pairs ask for: longest sides, or heights and widths.
        extras: names of what else their rows and tables say.
    """

    pairs: int
    levels: Mapping[str, Mapping[str, int]]
    content_images: int
    style_images: int
    pairs_sha256: str | None
    precisions: frozenset[str]
    sizes: frozenset[int | tuple[int, int]]
    extras: frozenset[str] = frozenset()


def iter_pairs(loaded: LoadedManifest) -> Iterator[Pair]:
    """The listed pairs, those of the pairs file and those of the design, resolved; never all of them in memory.

    Raises:
        UserError: at the first mistake; `survey` tells all of them.
    """
    for pair in PairReader(loaded).read():
        if isinstance(pair, UserError):
            raise pair
        yield pair


def survey(loaded: LoadedManifest, *, problem_limit: int = 50) -> Survey:
    """Go through every pair once.

    Raises:
        UserError: every mistake, or the first `problem_limit` and how many more there are.
    """
    reader = PairReader(loaded)
    pairs = 0
    levels: dict[str, Counter[str]] = {}
    contents: set[int] = set()  # hashes: of a million images, URIs would take 0.2 GB
    styles: set[int] = set()
    precisions: set[str] = set()
    sizes: set[int | tuple[int, int]] = set()
    extras: set[str] = set()
    problems: list[Problem] = []
    beyond = 0
    for pair in reader.read():
        if isinstance(pair, UserError):
            room = problem_limit - len(problems)
            problems += pair.problems[:room]
            beyond += len(pair.problems[room:])
            continue
        pairs += 1
        precisions.add(pair.settings.precision)
        sizes.add(pair.settings.size)
        extras.update(pair.extra)
        for factor, level in pair.levels.items():
            levels.setdefault(factor, Counter())[level] += 1
        if pair.content is not None:
            contents.add(hash(pair.content))
        if pair.style is not None:
            styles.add(hash(pair.style))
    if beyond:
        problems.append(Problem(loaded.uri, f"... and {beyond:,} more problems"))
    if problems:
        raise UserError(problems)
    if not pairs:
        raise UserError.at(loaded.uri, f"there is no pair; {loaded.manifest.pairs_from} has no row")
    return Survey(
        pairs,
        levels,
        len(contents),
        len(styles),
        reader.pairs_sha256,
        frozenset(precisions),
        frozenset(sizes),
        frozenset(extras),
    )
