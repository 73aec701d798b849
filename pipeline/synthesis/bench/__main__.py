"""`python -m pipeline.synthesis.bench`: the measurement on a machine with torch and numpy alone."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ..engine import device as devices
from ..network.network import DTYPES
from .measure import bench


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line for a machine with torch and numpy alone; `neckar bench` is the same with more around it."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.synthesis.bench", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--precision", choices=list(DTYPES), nargs="+", help="all that the device has")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args(arguments)
    device = devices.choose(given.device)
    devices.prepare(device, given.threads)
    precisions = given.precision or devices.possible(device)
    report = bench(given.sizes, given.slots, precisions, device, tell=lambda text: print(text, flush=True))  # noqa: T201
    if given.json:
        given.json.write_text(json.dumps(asdict(report), indent=2) + "\n")


main()
