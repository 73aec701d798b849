"""`neckar export`: a stimulus set handed over, in the forms that labs' programs read."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from neckar.jobs.input.arguments import RunArgument
from neckar.schemas.errors import UserError

TOLD_EVERY_S = 5.0


def export(
    run: RunArgument,
    folder: Annotated[str, typer.Argument(help="Where a folder a form is to stand.", metavar="DIR")],
    form: Annotated[
        str, typer.Option("--format", help="bids, psychopy, jspsych, parquet, brainio; several joined by commas.")
    ] = "bids",
    waivers: Annotated[
        str | None, typer.Option(help="A table of pair_id and reason: what fails and goes along.", metavar="FILE")
    ] = None,
    manifest: Annotated[
        str | None, typer.Option(help="Whose `trials` are meant; else the run's own.", metavar="MANIFEST")
    ] = None,
) -> None:
    """Hand a set over: refused unless it is complete and judged, or waived in writing."""
    from neckar.jobs.commands.trials import asked_for
    from neckar.pipeline.release.items import Waivers, items_of, read_waivers
    from neckar.pipeline.release.release import FORMS, write
    from neckar.pipeline.results.reading import open_run
    from neckar.pipeline.stimuli.final import open_set
    from neckar.pipeline.storage.access import read_uri
    from neckar.schemas.nearest import did_you_mean

    forms = [name.strip() for name in form.split(",")]
    for name in forms:
        if name not in FORMS:
            raise UserError.at("--format", f"{name!r} is not a form{did_you_mean(name, FORMS)}")
    found = open_set(open_run(run))
    waived = Waivers() if waivers is None else read_waivers(read_uri(waivers), waivers)
    items = items_of(found, waived)
    asked = asked_for(found, manifest) if manifest or found.reader.record.manifest.get("trials") else []
    last = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= TOLD_EVERY_S:
            last = time.monotonic()
            print(json.dumps({"state": "exporting", "done": done, "total": total}), flush=True)

    wanted = [name for name in FORMS if name in forms]
    write(Path(folder), wanted, found, items, asked, progress)
    absent = sum(not item.present for item in items)
    left = f", {absent:,} of them without their picture" if absent else ""
    for name in wanted:
        print(f"{Path(folder) / name}: {len(items):,} stimuli{left}")
