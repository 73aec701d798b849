"""What the exit code of `neckar` means, one meaning a number."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Ends of a command. `run` and `verify` know all of them, the others OK, BAD_INPUT and LATER."""

    OK = 0
    SOME_FAILED = 1  # the run is complete; some pairs are failed or quarantined, each with its reason
    BAD_INPUT = 2  # something to mend by the user; nothing was written
    INCOMPLETE = 3  # pairs are unaccounted for, and the same command goes on; `verify` found damage
    LATER = 75  # the store did not answer, or another driver is at work: the same command later (EX_TEMPFAIL)
    DEFECT = 70  # Neckar's own (EX_SOFTWARE of sysexits.h): Python's 1 would say that the run is complete
    INTERRUPTED = 130  # Ctrl-C (128 + SIGINT); the same command goes on
