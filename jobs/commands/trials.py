"""`neckar trials`: an experiment's trials with a stimulus set, a table a subject."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from neckar.jobs.input.arguments import RunArgument
from neckar.schemas.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neckar.pipeline.stimuli.final import FinalSet
    from neckar.pipeline.stimuli.observer import Observer
    from neckar.pipeline.trials.stimulus import Trial
    from neckar.schemas.trials import Trials


def trials(
    run: RunArgument,
    output: Annotated[str, typer.Option(help="Folder for the tables.", metavar="DIR")] = "trials",
    manifest: Annotated[
        str | None, typer.Option(help="Whose `trials` are meant; else the run's own.", metavar="MANIFEST")
    ] = None,
    observer: Annotated[
        Literal["gram", "pixel"] | None, typer.Option(help="Let a model observer answer every trial.")
    ] = None,
) -> None:
    """Write the trials of a set: `task-<task>_sub-<n>_trials.tsv`, and with an observer its accuracy a cell."""
    from neckar.jobs.output import files
    from neckar.pipeline.results.reading import open_run
    from neckar.pipeline.stimuli.final import open_set
    from neckar.pipeline.stimuli.observer import accuracies
    from neckar.pipeline.trials.session import trials_of

    found = open_set(open_run(run))
    for asked in asked_for(found, manifest):
        model = None if observer is None else _observer(found, observer)
        answered: list[tuple[Trial, int]] = []
        for subject in range(1, asked.subjects + 1):
            own = trials_of(found.stimuli, asked, subject)
            choices = [model.answer(trial) for trial in own] if model is not None else []
            answered += zip(own, choices, strict=False)
            path = Path(output) / f"task-{asked.task}_sub-{subject:03d}_trials.tsv"
            files.write(str(path), _table(own, choices))
        print(f"{output}: {asked.task}, {asked.subjects} subjects, {len(own)} trials each")
        if model is not None:
            cells = accuracies(answered)
            rows = [[a.cell, a.kind, a.trials, a.right, f"{a.right / a.trials:.4f}"] for a in cells]
            files.write(
                str(Path(output) / f"task-{asked.task}_observer-{observer}_cells.tsv"),
                _tsv(["cell", "kind", "trials", "right", "accuracy"], rows),
            )
            total, right = sum(a.trials for a in cells), sum(a.right for a in cells)
            if total:
                print(
                    f"{output}: {asked.task}, {observer} observer right in {right:,} of {total:,} ({right / total:.1%})"
                )


def asked_for(found: FinalSet, manifest: str | None) -> Sequence[Trials]:
    """The trials that a manifest asks for.

    Raises:
        UserError: it asks for none.
    """
    from neckar.pipeline.manifests.source import load_manifest
    from neckar.schemas.manifest import Manifest
    from neckar.schemas.wording import validated

    asked = load_manifest(manifest).manifest if manifest else validated(Manifest, found.reader.record.manifest)
    if not asked.trials:
        place = manifest or f"{found.reader.store.uri}/run.json"
        mend = "write e.g. trials: [{task: oddity, subjects: 20}] in a manifest, and give it by --manifest"
        raise UserError.at(f"{place}: trials", f"the manifest asks for none; {mend}")
    return asked.trials


def _table(own: Sequence[Trial], choices: Sequence[int]) -> bytes:
    most = max(len(trial.stimuli) for trial in own)
    header = ["trial", "task", "cell", "kind", "repeat", *(f"stim_{i + 1}" for i in range(most)), "answer"]
    crops = any(trial.crops for trial in own)
    header += [f"crop_{i + 1}" for i in range(most)] if crops else []
    header += ["observer_choice", "observer_right"] if choices else []
    rows = []
    for number, trial in enumerate(own):
        row = [number + 1, trial.task, trial.cell, trial.kind, trial.repeat, *trial.stimuli, trial.answer or "n/a"]
        if crops:
            row += [f"{c.left},{c.top},{c.side}" for c in trial.crops] or ["n/a"] * most
        if choices:
            choice = choices[number]
            row += [choice or "n/a", int(choice == trial.answer) if trial.answer else "n/a"]
        rows.append(row)
    return _tsv(header, rows)


def _tsv(header: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerows([header, *rows])
    return text.getvalue().encode()


def _observer(found: FinalSet, kind: str) -> Observer:
    from neckar.pipeline.stimuli.observer import Observer, pixels

    if kind == "pixel":
        return Observer(found.picture, pixels)
    from neckar.pipeline.stimuli.tools import gram_features

    return Observer(found.picture, gram_features(found.reader))
