"""The second pass of `neckar run`: the set matched and judged, with its progress and a last word."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neckar.schemas.manifest import Manifest
    from neckar.schemas.stimulus_set import SetSuccess

TOLD_EVERY_S = 5.0


def finish_run(uri: str, manifest: Manifest) -> SetSuccess:
    """Match and judge the stimuli of a complete run, as its manifest asks for it now; at once where that is done.

    Raises:
        UserError, StoreError: as `finishing.finish_set`.
    """
    from neckar.pipeline.results.reading import open_run
    from neckar.pipeline.stimuli.finishing import finish_set
    from neckar.pipeline.stimuli.tools import set_up

    reader = open_run(uri)
    wanted = manifest.qc
    last = time.monotonic()

    def progress(what: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= TOLD_EVERY_S:
            last = time.monotonic()
            print(json.dumps({"state": "finishing", "what": what, "done": done, "total": total}), flush=True)

    success = finish_set(reader, manifest, lambda found: set_up(reader, found, wanted), progress)
    told = f"{success.stimuli:,} stimuli, version {success.version}"
    if wanted is not None:
        told += f"; {success.passed:,} hold the thresholds, {success.failed:,} do not"
    if success.unmatched:
        told += f"; {success.unmatched:,} could not be matched to within .005"
    print(f"{uri}: {told}", file=sys.stderr)
    return success
