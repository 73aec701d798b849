"""BIDS, with stimuli after the draft BEP044: bids-specification, pull request 2022, as its rules stood at `DRAFT`.

The table of stimuli describes every file; no file has a sidecar of its own, which would override the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from neckar.pipeline.release.columns import columns_of, meaning_of, text_of
from neckar.pipeline.release.folder import Folder
from neckar.pipeline.release.items import Item
from neckar.pipeline.release.tables import tsv
from neckar.pipeline.stimuli.final import FinalSet
from neckar.pipeline.trials.session import trials_of
from neckar.pipeline.trials.stimulus import Trial
from neckar.schemas.trials import Trials

BIDS_VERSION = "1.10.0"
DRAFT = "0a417f4b9df942e53df9d3bc2be28aecf7a5e499"  # commit; src/schema/rules/tabular_data/stimuli.yaml
OWN = ("stimulus_id", "type", "URL", "license", "copyright", "description", "filename", "present")
TRIAL_S = 4.0  # nominal: a template's onsets tell the order


def write_bids(folder: Folder, found: FinalSet, items: Sequence[Item], trials: Sequence[Trials]) -> None:
    """`dataset_description.json`, `stimuli/`, and a template of events a subject and task."""
    record = found.reader.record
    folder.json(
        "dataset_description.json",
        {
            "Name": record.name,
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "raw",
            "GeneratedBy": [{"Name": "Neckar", "Version": record.neckar_version}],
            "StimuliFollow": f"BEP044 at commit {DRAFT}",
        },
    )
    names = columns_of(items)
    rows = ([*_own(item), *(text_of(item.columns.get(name)) for name in names)] for item in items)
    folder.put("stimuli/stimuli.tsv", tsv([*OWN, *names], rows))
    folder.json("stimuli/stimuli.json", {name: _defined(name) for name in names})
    _write_trials(folder, found, items, trials)


def _own(item: Item) -> list[str]:
    told = text_of(item.columns["condition"])
    images = " with ".join(
        str(item.pair.levels.get(side)) for side in ("content", "style") if item.pair.levels.get(side)
    )
    return [
        item.id,
        "image",
        item.url or "n/a",
        item.license or "n/a",
        item.copyright or "n/a",
        f"{told} of {images}" if images else told,
        item.filename if item.present else "n/a",
        "true" if item.present else "false",
    ]


def _defined(name: str) -> dict[str, str]:
    told = meaning_of(name)
    unit = {"Units": told["unit"]} if "unit" in told else {}
    return {"Description": told.get("meaning", name), **unit}


def _write_trials(folder: Folder, found: FinalSet, items: Sequence[Item], trials: Sequence[Trials]) -> None:
    known = {item.pair.pair_id: item for item in items}
    subjects = max((asked.subjects for asked in trials), default=0)
    if not subjects:
        return
    folder.put("participants.tsv", tsv(["participant_id"], ([f"sub-{n:03d}"] for n in range(1, subjects + 1))))
    header = ["onset", "duration", "trial_type", "stim_id", "stim_file", "trial", "place", "cell", "answer", "repeat"]
    for number, asked in enumerate(trials, start=1):
        task = f"{asked.task.replace('_', '')}{number}"
        folder.json(
            f"task-{task}_events.json",
            {
                "TaskName": task,
                "trial_type": {"Description": "variant of the task; catch for a catch trial"},
                "stim_id": {"Description": "stimulus_id of the stimulus in stimuli/stimuli.tsv"},
                "trial": {"Description": "number of the trial; its stimuli have a row each"},
                "place": {"Description": "place in which the stimulus is shown, from 1"},
                "cell": {"Description": "design cell that the trial belongs to"},
                "answer": {"Description": "place that is right; n/a where none is"},
                "repeat": {"Description": "number of the repeat, from 1"},
            },
        )
        for subject in range(1, asked.subjects + 1):
            own = trials_of(found.stimuli, asked, subject)
            name = f"sub-{subject:03d}/beh/sub-{subject:03d}_task-{task}_events.tsv"
            folder.put(name, tsv(header, _events(own, known)))


def _events(own: Sequence[Trial], known: dict[str, Item]) -> Iterator[list[str]]:
    for number, trial in enumerate(own):
        for place, name in enumerate(trial.stimuli, start=1):
            item = known[name]
            yield [
                f"{number * TRIAL_S:g}",
                "n/a",
                trial.kind.replace(" ", "_"),
                item.id,
                item.filename if item.present else "n/a",
                str(number + 1),
                str(place),
                text_of(trial.cell),
                str(trial.answer or "n/a"),
                str(trial.repeat),
            ]
