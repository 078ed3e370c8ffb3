"""Domains as other tools write them, translated into those of a study file.

They are not understood, so that a study file has one notation, but answered with what to write:
the sweeps of Weights & Biases, Optuna's and Ray Tune's functions and the JSON of Optuna's
distributions, Hydra's sweeps, NNI's `_type` and `_value`, Hyperopt's `hp`, lists and texts.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from gansearch.domains import Scalar

LOW = ("low", "min", "lower", "start", "from", "minimum", "min_value", "low_value", "a")
HIGH = ("high", "max", "upper", "stop", "end", "to", "maximum", "max_value", "high_value", "b")
STEP = ("step", "q", "stride")
LOG = ("log", "log_scale", "logscale", "is_log", "log_uniform")
KINDS = ("distribution", "type", "_type", "name", "dist", "scale", "sampling", "prior", "func")
"""Keys whose value names the kind of a domain."""
LISTS = ("choices", "values", "value", "grid_search", "choice", "options", "categorical", "_value")
BOUNDS = ("range", "bounds", "interval")
EXCLUSIVE = frozenset({"randint", "lograndint", "range", "arange"})
"""Kinds whose upper bound is not among the values."""
LONGEST = 1000
"""Characters up to which a text is read as a domain."""


def translated_domain(value: object, *, whole: bool) -> Mapping[str, Any] | Scalar:
    """Return a value that was meant as a domain, in the notation of a study file, or None.

    Args:
        value: what stands in the file.
        whole: True for a field of whole numbers.

    >>> translated_domain({"values": [8, 16]}, whole=True)
    {'choices': [8, 16]}
    >>> translated_domain("suggest_float('lr', 1e-4, 1e-2, log=True)", whole=False)
    {'low': 0.0001, 'high': 0.01, 'log': True}
    """
    if isinstance(value, list):
        return _choices(value)
    if isinstance(value, Mapping):
        return _of_mapping(value, whole=whole)
    if isinstance(value, str) and len(value) <= LONGEST:
        return _of_text(value, whole=whole)
    return None


def as_yaml(node: object) -> str:
    """Return plain data as one line of YAML.

    >>> as_yaml({"choices": [8, 16]})
    '{choices: [8, 16]}'
    """
    text = yaml.safe_dump(node, default_flow_style=True, sort_keys=False, width=math.inf)
    return text.removesuffix("\n").removesuffix("\n...")


def _of_mapping(node: Mapping[Any, Any], *, whole: bool) -> Mapping[str, Any] | Scalar:
    keys = {str(key).lower(): value for key, value in node.items()}
    kind = next((v.lower() for k in KINDS if isinstance(v := keys.get(k), str)), "")
    if isinstance(attributes := keys.get("attributes"), Mapping):  # Optuna's JSON
        return _of_mapping(attributes, whole=whole)
    given = next((keys[key] for key in LISTS if key in keys), None)
    if isinstance(given, list):
        ranged = kind and not re.search(r"choice|categor|enum|grid", kind) and "_value" in keys
        return _of_call(kind, given, {}, whole=whole) if ranged else _choices(given)
    if given is not None and kind in ("", "constant") and isinstance(given, Scalar):
        return given
    low, high = (_first(keys, names) for names in (LOW, HIGH))
    pair = _first(keys, BOUNDS)
    if isinstance(pair, list) and len(pair) >= 2:
        low, high = pair[:2]
    if {"mu", "sigma"} <= keys.keys():  # a normal distribution has no bounds: two deviations
        mean, deviation = _number(keys["mu"]), _number(keys["sigma"])
        low, high = mean - 2 * deviation, mean + 2 * deviation
    log = any(str(keys.get(key)).lower() in ("true", "log") for key in LOG) or "log" in kind
    if "log_uniform" in kind and "values" not in kind:  # the sweep's bounds are exponents of e
        low, high = _exponential(low), _exponential(high)
    return _range(low, high, _first(keys, STEP), log=log, whole=whole)


def _of_text(text: str, *, whole: bool) -> Mapping[str, Any] | Scalar:
    if match := re.fullmatch(r"\s*(\S+?)\s*(?:\.\.\.?|to|:|-|\u2013)\s*(\S+?)\s*", text):
        first, last = match.groups()
        between = _range(first, last, None, log=False, whole=whole)
        if between is not None:
            return between
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        call = None
    if isinstance(call, ast.Call):
        return _of_node(call, log=False, whole=whole)
    parts = [part for part in re.split(r"[,|;\s\[\]()]+", text) if part]
    if len(parts) < 2:
        return None
    numbers = [_number(part) for part in parts]
    return None if any(map(math.isnan, numbers)) else _choices([_tidy(n, whole) for n in numbers])


def _of_node(call: ast.Call, *, log: bool, whole: bool) -> Mapping[str, Any] | Scalar:
    function = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
    if (
        function == "tag" and call.args and isinstance(call.args[-1], ast.Call)
    ):  # Hydra: tag(log, interval(...))
        return _of_node(call.args[-1], log=True, whole=whole)
    try:
        given = [_literal(node) for node in call.args]
        named = {str(part.arg): _literal(part.value) for part in call.keywords}
    except (ValueError, TypeError, SyntaxError):
        return None
    if ast.unparse(call.func).startswith("hp.log"):  # Hyperopt takes exponents of e
        given = [one if isinstance(one, str) else _exponential(one) for one in given]
    if log:
        named["log"] = True
    return _of_call(function.lower(), given, named, whole=whole)


def _literal(node: ast.expr) -> Any:
    return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)


def _of_call(
    function: str, given: Sequence[Any], named: Mapping[str, Any], *, whole: bool
) -> Mapping[str, Any] | Scalar:
    """Translate a function with its arguments; a text before the others names the parameter."""
    if len(given) + len(named) > 1 and given and isinstance(given[0], str):
        rest = given[1:]
        if "choice" not in function or (rest and isinstance(rest[0], (list, tuple))):
            given = rest
    listed = named.get("choices", given[0] if given else None)
    if isinstance(listed, (list, tuple)):
        return _choices([*listed])
    if re.search(r"choice|categor|grid", function):
        return _choices([*given])
    numbers = dict(zip(("low", "high", "step"), given, strict=False)) | dict(named)
    high = _first(numbers, HIGH)
    if function in EXCLUSIVE and isinstance(high, int):
        high -= 1
    log = named.get("log") is True or "log" in function
    return _range(_first(numbers, LOW), high, _first(numbers, STEP), log=log, whole=whole)


def _choices(values: list[Any]) -> Mapping[str, Any] | None:
    listed = all(isinstance(value, Scalar) for value in values)
    distinct = len({(type(value), value) for value in values}) == len(values) if listed else False
    return {"choices": values} if values and distinct else None


def _range(
    low: object, high: object, step: object, *, log: bool, whole: bool
) -> Mapping[str, Any] | None:
    first, last, width = _number(low), _number(high), _number(step)
    if not (math.isfinite(first) and math.isfinite(last)) or first == last:
        return None
    first, last = sorted((first, last))
    if whole:
        first, last = math.ceil(first), math.floor(last)
        if first > last:
            return None
    domain = {"low": _tidy(first, whole), "high": _tidy(last, whole)}
    if log and first > 0:
        return domain | {"log": True}
    if width > 0 and not (whole and width in (0.0, 1.0)):
        if whole:
            domain["high"] -= (domain["high"] - domain["low"]) % max(1, round(width))
        domain["step"] = _tidy(max(1, round(width)) if whole else width, whole)
    return domain


def _tidy(number: float, whole: bool) -> Any:
    """Return a number without the noise of an exponent's rounding; whole where it should be."""
    rounded = float(f"{number:.6g}")
    return round(rounded) if whole and rounded.is_integer() else rounded


def _number(value: object) -> float:
    """Return a number, also one written as a text such as 1e-4; NaN for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def _exponential(value: object) -> float:
    try:
        return math.exp(_number(value))
    except OverflowError:
        return math.inf


def _first(keys: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((keys[name] for name in names if name in keys), None)
