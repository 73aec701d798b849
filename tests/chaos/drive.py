"""A driver in a process of its own: `python -m tests.chaos.drive '{"manifest": ..., "output": ..., ...}'`."""

from __future__ import annotations

import json
import sys

from pipeline.manifests.source import load_manifest
from pipeline.results.lease import acquire
from pipeline.results.run import create_or_resume
from pipeline.scheduling.ending import Interrupted, Stopped
from pipeline.scheduling.limits import Limits
from pipeline.scheduling.session import run
from pipeline.scheduling.tenure import Tenure


def shorten_leases(seconds: float) -> None:
    """Twenty killed drivers would keep their heirs waiting for ten minutes, which tests nothing."""
    acquire.__kwdefaults__["seconds"] = seconds
    create_or_resume.__kwdefaults__["lease_seconds"] = seconds
    Tenure.__init__.__kwdefaults__["every_s"] = seconds / 3


def main() -> int:
    given = json.loads(sys.argv[1])
    shorten_leases(given.pop("lease_s", 4.0))
    limits = Limits(**given.pop("limits", {}))
    loaded = load_manifest(given.pop("manifest"))
    try:
        summary = run(loaded, equip="tests.chaos.engine:equip", limits=limits, **given)
    except Stopped as error:
        print(error, file=sys.stderr)
        return 3
    except Interrupted:
        return 130
    return 0 if summary.ok == summary.ok + summary.failed + summary.quarantined else 1


if __name__ == "__main__":
    sys.exit(main())
