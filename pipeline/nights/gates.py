"""Whether a set is good enough to be published."""

from __future__ import annotations

from neckar.pipeline.nights.selection import Selection
from neckar.schemas.night import Verdict
from neckar.schemas.nightly import Gates
from neckar.schemas.stimulus_set import SetSuccess


def verdicts(gates: Gates, selection: Selection, wanted: int, stimuli: SetSuccess | None) -> list[Verdict]:
    """What each gate found; of the whole set, but for the limits of quality control, which are the night's.

    Args:
        gates: of the configuration.
        selection: the set's rows.
        wanted: pairs there should be.
        stimuli: the night's own, judged; None where the night made none or nobody asked.
    """
    ok = selection.statuses["ok"] / wanted
    found = [Verdict(gate="ok", limit=gates.ok, found=ok, holds=ok >= gates.ok)]
    if gates.quarantined is not None:
        count = selection.statuses["quarantined"]
        found.append(
            Verdict(gate="quarantined", limit=gates.quarantined, found=count, holds=count <= gates.quarantined)
        )
    if gates.qc is not None and stimuli is not None:
        limit = 1.0 if gates.qc_pass is None else gates.qc_pass
        judged = stimuli.passed + stimuli.failed
        share = stimuli.passed / judged if judged else 1.0
        found.append(Verdict(gate="qc_pass", limit=limit, found=share, holds=share >= limit))
    return found


def refusal_of(found: list[Verdict]) -> str | None:
    """The gates that refuse, in words; None where all hold."""
    words = {
        "ok": "only {found:.2%} of the wanted pairs have a picture, and gates.ok asks for {limit:.2%}",
        "quarantined": "{found:.0f} pairs are quarantined, and gates.quarantined allows {limit:.0f}",
        "qc_pass": "only {found:.2%} of the night's stimuli hold gates.qc, and gates.qc_pass asks for {limit:.2%}",
    }
    told = [words[one.gate].format(found=one.found, limit=one.limit) for one in found if not one.holds]
    return "; ".join(told) or None
