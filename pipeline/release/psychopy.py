"""PsychoPy: a file of conditions a subject and task, in which every cell means what it says.

`importConditions` guesses types cell by cell, and evaluates what stands in brackets. So in a column every cell parses
as a number, or none does; none is NA, None, null, nan or inf; and headers are variable names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from neckar.pipeline.release.folder import Folder
from neckar.pipeline.release.items import Item
from neckar.pipeline.release.tables import comma_separated
from neckar.pipeline.stimuli.final import FinalSet
from neckar.pipeline.trials.session import trials_of
from neckar.pipeline.trials.stimulus import Trial
from neckar.schemas.trials import Trials

HEADER = re.compile(r"[A-Za-z]\w*\Z")
RESERVED = {"inf", "nan", "null", "NA", "None", "na", "none", "N/A", "NaN", "NULL", "n/a", "<NA>", "-nan", "-NaN", ""}


def write_psychopy(folder: Folder, found: FinalSet, items: Sequence[Item], trials: Sequence[Trials]) -> None:
    """`conditions/task-<task>_sub-<n>.csv`, of pictures in `stimuli/`."""
    known = {item.pair.pair_id: item for item in items}
    for number, asked in enumerate(trials, start=1):
        for subject in range(1, asked.subjects + 1):
            own = trials_of(found.stimuli, asked, subject)
            path = f"conditions/task-{asked.task}{number}_sub-{subject:03d}.csv"
            folder.put(path, conditions(own, known))


def conditions(own: Sequence[Trial], known: dict[str, Item]) -> bytes:
    """Of one subject's trials, in their order."""
    most = max(len(trial.stimuli) for trial in own)
    crops = any(trial.crops for trial in own)
    header = ["trialNumber", "task", "cell", "kind", "repeatNumber"]
    header += [f"stim{i + 1}" for i in range(most)] + [f"image{i + 1}" for i in range(most)]
    header += [f"{edge}{i + 1}" for i in range(most) for edge in ("cropLeft", "cropTop", "cropSide")] if crops else []
    header += ["corrAns"]
    rows = []
    for number, trial in enumerate(own, start=1):
        shown = [known[name] for name in trial.stimuli]
        row = [str(number), trial.task, word(trial.cell), word(trial.kind), str(trial.repeat)]
        row += [item.id for item in shown] + [f"stimuli/{item.filename}" for item in shown]
        if crops:
            places = trial.crops or ()
            row += [str(edge) for crop in places for edge in (crop.left, crop.top, crop.side)]
            row += ["-1"] * (3 * (most - len(places)))  # the whole picture
        rows.append([*row, str(trial.answer)])
    assert all(HEADER.match(name) and name not in RESERVED for name in header)
    return comma_separated(header, rows)


def word(text: str) -> str:
    """A text that no reader takes for a number, a missing value or code."""
    plain = text.strip().replace("[", "(").replace("]", ")")
    return f"level_{plain}" if plain in RESERVED or is_number(plain) else plain


def is_number(text: str) -> bool:
    """Whether Python or pandas would read it as one."""
    try:
        float(text.replace(",", ""))
    except ValueError:
        return False
    return True
