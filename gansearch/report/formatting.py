"""Numbers as text, and text of others made safe to show."""

from __future__ import annotations

import math
import re
from typing import Any

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line feed, and those that turn the direction of writing."""


def escape_controls(text: str) -> str:
    r"""Return a text in which control characters are written out, for a terminal or a page.

    >>> print(escape_controls("a\x1b]0;title\x07b"))
    a\x1b]0;title\x07b
    """
    return _CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def figure(value: float | None, *, whole: bool = False) -> str:
    """Return a size as `108,897`, others with three or four significant digits, `-` for none."""
    if value is None or math.isnan(value):
        return "-"
    if math.isinf(value) or not (whole or 1000 <= abs(value) < 1e9):
        return f"{value:.3g}"
    return f"{value:,.0f}"


def compact(value: float | None) -> str:
    """Return a count with three digits: `940`, `552k`, `12.3M`."""
    if value is None or not math.isfinite(value) or abs(value) < 1000:
        return figure(value)
    power = min(3, int(math.log10(abs(float(f"{value:.3g}"))) // 3))
    shown = value / 1000**power
    return f"{shown:.{max(0, 2 - int(math.log10(abs(shown))))}f}{' kMG'[power]}"


def percent(share: float | None) -> str:
    """Return a share as `3.0%`, `47%` or `100%`."""
    if share is None or math.isnan(share):
        return "-"
    return f"{share:.1%}" if 0 < abs(share) < 0.0995 else f"{share:.0%}"


def change(share: float | None) -> str:
    """Return a relative change as `-45%` or `+6.0%`."""
    sign = "+" if share is not None and share >= 0 else ""
    return sign + percent(share)


def setting(value: Any) -> str:
    """Return the value of a searched parameter as text."""
    if value is None:
        return "-"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def finite(tree: Any) -> Any:
    """Replace every number that is not finite by None, for strict JSON."""
    if isinstance(tree, dict):
        return {key: finite(part) for key, part in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [finite(part) for part in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree
