"""Whether the pictures lost much on their way into 8-bit files, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neckar.pipeline.results.reading import RunReader

RATIO_MAX = 1.2  # of the loss of the file over that of the optimised picture; the defaults come to 1.04 to 1.08
_MEDIAN = "select median(loss_total_png / loss_total) as ratio from results where status = 'ok' and loss_total > 0"


def rounding_told(reader: RunReader) -> str | None:
    """What to say of a run whose files have clearly more loss than what was optimised; None where they have not."""
    from neckar.pipeline.queries.database import query

    (row,) = query(reader, _MEDIAN).to_pylist()
    ratio = row["ratio"]
    if ratio is None or ratio <= RATIO_MAX:
        return None
    return (
        f"in half of the pictures the loss of the PNG is more than {ratio:.2f} times that of the optimised picture:"
        " much lies outside of 0-255 and is clipped. A large init_sigma does that, for its noise stays in the picture;"
        " so does a start from a picture with few iterations. Try init_sigma: 1"
    )
