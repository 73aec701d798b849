"""jsPsych 8: timeline variables, a list to preload, and a page that runs them.

The library comes from npm (`npm install` in the folder): none of it is handed over.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from neckar.pipeline.release.folder import Folder
from neckar.pipeline.release.items import Item
from neckar.pipeline.stimuli.final import FinalSet
from neckar.pipeline.trials.session import trials_of
from neckar.pipeline.trials.stimulus import Trial
from neckar.schemas.trials import Trials

PACKAGES = {
    "jspsych": "^8.2.0",
    "@jspsych/plugin-html-button-response": "^2.1.0",
    "@jspsych/plugin-preload": "^2.1.0",
}
QUESTIONS = {
    "oddity": "Which one is the odd one?",
    "match_to_sample": "Which of the upper two goes with the lower one?",
    "triads": "Which difference is larger: that of the first two, or that of the last two?",
    "quads": "Which pair differs more: the first two, or the last two?",
    "single": "Look at the picture.",
}
CHOICES = {"oddity": 3, "match_to_sample": 2, "triads": 2, "quads": 2, "single": 1}


def write_jspsych(folder: Folder, found: FinalSet, items: Sequence[Item], trials: Sequence[Trials]) -> None:
    """`timeline_variables.json`, `preload.json`, a script of each subject's trials, `index.html`, `package.json`."""
    known = {item.pair.pair_id: item for item in items}
    timelines: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for number, asked in enumerate(trials, start=1):
        task = f"{asked.task}{number}"
        timelines[task] = {}
        for subject in range(1, asked.subjects + 1):
            own = [_variables(trial, known) for trial in trials_of(found.stimuli, asked, subject)]
            timelines[task][f"{subject:03d}"] = own
            choices = [str(i + 1) for i in range(CHOICES[asked.task])]
            about: dict[str, Any] = {"task": task, "subject": f"{subject:03d}", "question": QUESTIONS[asked.task]}
            about |= {"choices": choices, "trials": own}
            text = f"window.neckarTimeline = {json.dumps(about, ensure_ascii=True)};"
            folder.text(f"timelines/{task}_sub-{subject:03d}.js", text)
    folder.json("timeline_variables.json", timelines)
    shown = [f"stimuli/{item.filename}" for item in items if item.present]
    folder.json("preload.json", shown)
    folder.json("package.json", {"private": True, "dependencies": PACKAGES})
    page = files("neckar.pipeline.release").joinpath("jspsych.html").read_text(encoding="utf-8")
    folder.put("index.html", page.encode())


def _variables(trial: Trial, known: dict[str, Item]) -> dict[str, Any]:
    shown = [known[name] for name in trial.stimuli]
    return {
        "stimulus_ids": [item.id for item in shown],
        "images": [f"stimuli/{item.filename}" for item in shown],
        "crops": [[crop.left, crop.top, crop.side] for crop in trial.crops],
        "cell": trial.cell,
        "kind": trial.kind,
        "repeat": trial.repeat,
        "correct": trial.answer,
    }
