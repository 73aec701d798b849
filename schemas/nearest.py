"""The nearest valid name to a misspelt one, for messages that mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """`; did you mean 'average'?`, or the list of valid names where none is near."""
    names = list(valid)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else f"; valid are {', '.join(names)}"
