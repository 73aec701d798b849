"""All trials of one subject, in their order."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from neckar.pipeline.trials import chance
from neckar.pipeline.trials.order import ordered
from neckar.pipeline.trials.stimulus import Stimulus, Trial
from neckar.pipeline.trials.tasks import TASKS, catches
from neckar.schemas.trials import Trials


def trials_of(stimuli: Sequence[Stimulus], asked: Trials, subject: int) -> list[Trial]:
    """The same for the same set, seed and subject.

    Args:
        stimuli: the set, in any order.
        asked: the task.
        subject: from 1.

    Raises:
        UserError: the set does not hold such trials.
    """
    own = TASKS[asked.task](stimuli, asked, subject)
    repeated = [dataclasses.replace(one, repeat=number) for number in range(1, asked.repeat + 1) for one in own]
    return ordered([*repeated, *catches(stimuli, asked, subject)], chance.of(asked.seed, subject, "order"))
