"""Cells of a log as numbers, in the ways that loggers, spreadsheets and notebooks write them."""

from __future__ import annotations

import re

BLANK = frozenset(
    {"", "na", "n/a", "#n/a", "<na>", "none", "null", "nil", "-", "--", "?", "missing", "nat"}
)
"""Words for "not measured", in lower case. `nan` is none of them: it is a measured value."""

NUMBER = r"[-+]?(?:(?:\d+(?:[.,]\d+)?|\.\d+|\d+\.)(?:[eE][-+]?\d+)?|nan|inf(?:inity)?)"
_NUMBER = re.compile(NUMBER + r"(?![\w])", re.IGNORECASE)
_WRAPPED = re.compile(r"\s*(?:[\[({<]|tensor|array|np\.|numpy\.|tf\.|torch\.|jnp\.|Array)", re.I)
_NUMPY_VALUE = re.compile(r"numpy=\s*(" + NUMBER + ")", re.IGNORECASE)
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
_MICROSOFT = {"1.#qnan": "nan", "1.#ind": "nan", "1.#inf": "inf", "1.#snan": "nan"}


def number(cell: object, decimal_comma: bool = False) -> float | None:
    """Return the value of a cell, None where nothing was measured.

    Args:
        cell: a number, or text such as `0.69`, `71%`, `tensor(0.69, device='cuda:0')`,
            `[0.69, 1.0]` (its first number) or `N/A`.
        decimal_comma: read `1,234` as 1.234 and not as 1234.

    Raises:
        ValueError: if the cell holds no number.

    >>> number("tensor(0.69, grad_fn=<MeanBackward0>)"), number("71%"), number("N/A")
    (0.69, 71.0, None)
    >>> number("1,234", decimal_comma=True), number("1,234")
    (1.234, 1234.0)
    """
    if cell is None:
        return None
    if isinstance(cell, (int, float)):
        return float(cell)
    text = str(cell).strip().strip("\"'").replace("\u2212", "-").removesuffix("%").strip()
    try:
        if "_" not in text:
            return float(text)
    except ValueError:
        pass
    if text.lower() in BLANK:
        return None
    sign = "-" if text.startswith("-") else ""
    if (word := _MICROSOFT.get(text.lower().lstrip("+-"))) is not None:
        return float(sign + word)
    if _WRAPPED.match(text):
        found = _NUMPY_VALUE.search(text)
        return float(found[1] if found else _first_number(text))
    return float(_plain(text, decimal_comma))


def _first_number(text: str) -> str:
    """Return the first number of a list or of a printed tensor."""
    # Digits within names of types, as in np.float32(0.5), follow a letter.
    found = re.search(r"(?<![\w.])" + _NUMBER.pattern, text, re.IGNORECASE)
    if found is None:
        raise ValueError(text)
    return found[0].partition(",")[0]  # in a list, a comma separates


def _plain(text: str, decimal_comma: bool) -> str:
    """Return a number without marks of thousands, with a decimal point."""
    text = text.replace("\u00a0", "").replace("\u202f", "")
    if "," in text and "." in text:
        thousands = "," if text.rindex(".") > text.rindex(",") else "."
        return text.replace(thousands, "").replace(",", ".")
    if "," in text and not decimal_comma and _THOUSANDS.fullmatch(text):
        return text.replace(",", "")
    return text.replace(",", ".") if text.count(",") == 1 else text
