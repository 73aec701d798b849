"""Which date a night has, and whether it may begin."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from neckar.schemas.errors import UserError


def night_date(asked: date | None, now: datetime, time_zone: str, versions: list[date]) -> date:
    """The date of a night: as asked, else today's where the set lives.

    Args:
        asked: by the user.
        now: with its zone.
        time_zone: of the configuration.
        versions: published, ascending.

    Raises:
        UserError: it has not come yet, or is before the last version.
    """
    today = now.astimezone(ZoneInfo(time_zone)).date()
    day = asked or today
    if day > today:
        raise UserError.at(f"--date {day}", f"has not come yet: it is {today} in {time_zone}; leave --date out")
    if versions and day < versions[-1]:
        told = f"is before the last version, {versions[-1]}"
        raise UserError.at(f"--date {day}", f"{told}; nothing goes in between: begin a night of a later date")
    return day
