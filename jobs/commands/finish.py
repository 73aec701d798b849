"""The second pass of `neckar run`: the set matched and judged, with its progress and a last word."""

from __future__ import annotations

import json
import sys
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from neckar.schemas.manifest import Manifest
    from neckar.schemas.stimulus_set import SetSuccess

TOLD_EVERY_S = 5.0
SHOWN = 5  # of the pictures that could not be matched


def finish_run(uri: str, manifest: Manifest, out: IO[str]) -> SetSuccess:
    """Match and judge the stimuli of a complete run, as its manifest asks for it now; at once where that is done.

    Args:
        uri: of the run.
        manifest: with what is asked for.
        out: where the progress goes.

    Raises:
        UserError, StoreError: as `finishing.finish_set`.
    """
    from neckar.pipeline.results.reading import open_run
    from neckar.pipeline.stimuli.finishing import finish_set
    from neckar.pipeline.stimuli.reading import read_table
    from neckar.pipeline.stimuli.tools import set_up

    reader = open_run(uri)
    wanted = manifest.qc
    last = time.monotonic()

    def progress(what: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= TOLD_EVERY_S:
            last = time.monotonic()
            print(json.dumps({"state": "finishing", "what": what, "done": done, "total": total}), file=out, flush=True)

    success = finish_set(reader, manifest, lambda found: set_up(reader, found, wanted), progress)
    told = f"{success.stimuli:,} stimuli, version {success.version}"
    if wanted is not None:
        told += f"; {success.passed:,} hold the thresholds, {success.failed:,} do not"
    print(f"{uri}: {told}", file=sys.stderr)
    if success.unmatched:
        rows = read_table(reader.store, success).select(["pair_id", "match_forbidden_by"]).to_pylist()
        unmatched = [row for row in rows if row["match_forbidden_by"] is not None]
        mend = "write safe: true, give a mean and a lower deviation, or leave these pictures out"
        for row in unmatched[:SHOWN]:
            print(f"{row['pair_id']}: not matched to within .005: {row['match_forbidden_by']}; {mend}", file=sys.stderr)
        if len(unmatched) > SHOWN:
            sql = "select pair_id, match_forbidden_by from stimuli where match_forbidden_by is not null"
            print(f'and {len(unmatched) - SHOWN:,} more: neckar query {uri} "{sql}"', file=sys.stderr)
    return success
