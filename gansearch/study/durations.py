"""Durations as people write them: `40m`, `1h30m`, `90s`, `2d`."""

from __future__ import annotations

import re

SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART = r"(\d+(?:\.\d+)?)\s*([dhms])[a-z]*"


def parse_duration(text: object) -> float:
    """Return a duration in seconds.

    Raises:
        ValueError: when it is none, or zero.

    >>> parse_duration("1h30m"), parse_duration("40 min")
    (5400.0, 2400.0)
    """
    written = str(text).strip().lower()
    if re.fullmatch(rf"(?:{_PART}\s*)+", written):
        seconds = sum(float(number) * SECONDS[unit] for number, unit in re.findall(_PART, written))
        if seconds > 0:
            return seconds
    raise ValueError("should be a duration such as 40m, 1h30m or 90s")
