"""Names of columns as users' logs have them, and the signals that they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from shlex import quote

from gansearch.errors import LogError
from gansearch.registry import unknown
from gansearch.signals import COLUMNS, LOG_COLUMNS

STEP = "step"
READABLE: tuple[str, ...] = (*COLUMNS, *LOG_COLUMNS)
"""Signals that a log may have."""

STEPS: tuple[str, ...] = (
    "step", "globalstep", "steps", "iteration", "iterations", "iter", "iters", "it", "itr", "kimg",
    "progresskimg", "nimg", "curnimg", "batchesdone", "niter", "tick", "progresstick",
    "epoch", "epochs", "schritt", "epoche",
)  # fmt: skip
"""Names for the step, without capitals and punctuation, best first."""

_D = {"d", "dis", "disc", "discr", "discrim", "discriminator", "critic", "netd", "discriminateur"}
_G = {"g", "gen", "gener", "generator", "netg", "gan", "adv", "adversarial"}
_LOSS = {"loss", "losses", "err", "error", "cost"}
_ACCURACY = {"acc", "accuracy", "accuracies"}
_REAL, _FAKE = {"real", "true"}, {"fake", "generated", "synthetic", "gen"}
_IGNORED = {
    "train", "training", "epoch", "step", "mean", "avg", "average", "running", "batch", "tot",
    "total", "metrics", "scalars", "the", "of", "on", "for", "samples", "images", "s", "info",
    "iter", "all", "log", "binary", "network", "net", "model",
}  # fmt: skip
_GLUED = {
    "dloss": "d loss", "gloss": "g loss", "lossd": "loss d", "lossg": "loss g", "errd": "err d",
    "errg": "err g", "dacc": "d acc", "accd": "acc d", "derr": "d err", "gerr": "g err",
    "discloss": "d loss", "genloss": "g loss", "dlosses": "d loss", "glosses": "g loss",
    "dlossreal": "d loss real", "dlossfake": "d loss fake", "accreal": "acc real",
    "accfake": "acc fake", "ganloss": "g loss", "dreal": "d real", "dfake": "d fake",
}  # fmt: skip
_SHORT = {
    "d1": "d_loss_real", "d2": "d_loss_fake", "c1": "d_loss_real", "c2": "d_loss_fake",
    "a1": "d_acc_real", "a2": "d_acc_fake", "d": "d_loss", "g": "g_loss", "fid": "fid",
    "kid": "kid", "mmd": "mmd", "cmmd": "mmd", "fidscore": "fid", "kidscore": "kid",
    "valfid": "fid", "metricsfid": "fid", "metricskid": "kid", "testfid": "fid",
}  # fmt: skip
_MAY_BE_SIGNAL = re.compile(
    r"los|err|cost|acc|fid|kid|mmd|grad|logit|dominance|ratio|coverage|duplicates| - ",
    re.IGNORECASE,
)


def parse_map(pairs: Sequence[str]) -> dict[str, str]:
    """Read `ours=theirs`, as `--map` takes it.

    Raises:
        LogError: for a pair without `=`, a name that is none of ours, or one that is mapped twice.
    """
    names: dict[str, str] = {}
    for pair in pairs:
        ours, separator, theirs = (part.strip() for part in pair.partition("="))
        if not (ours and separator and theirs):
            raise LogError(f"a column is mapped as ours=theirs, got {pair!r}")
        if ours not in (STEP, *READABLE):
            raise LogError(unknown("signal", ours, (STEP, *READABLE)))
        if ours in names:
            raise LogError(f"{ours} is mapped twice, to {names[ours]!r} and to {theirs!r}")
        names[ours] = theirs
    return names


def plain(name: str) -> str:
    """Return a name without capitals, blanks and punctuation."""
    return re.sub(r"[\W_]+", "", name).lower()


@lru_cache(maxsize=200_000)
def signal_of(name: str) -> str | None:
    """Return the signal that a column's name stands for, None where it stands for none.

    >>> signal_of("errD"), signal_of("Loss/G/loss"), signal_of("val_acc")
    ('d_loss', 'g_loss', None)
    """
    if len(name) > 200 or not (plain(name) in _SHORT or _MAY_BE_SIGNAL.search(name)):
        return None  # at once, for tables of 100,000 columns
    if re.search(r"__(MIN|MAX)$", name):
        return None
    for text in dict.fromkeys((name, name.rpartition(" - ")[2], name.rpartition("/")[2])):
        joined = re.sub(r"[\W_]+", "_", text).strip("_").lower()
        if joined in READABLE:
            return joined
        if signal := _SHORT.get(plain(text)) or _by_words(text):
            return signal
    return "fid" if re.match(r"(metrics/)?fid\d+k", name.lower()) else None


def _by_words(text: str) -> str | None:
    """Return the signal that the words of a name stand for, None where they stand for none."""
    # Split the name into words
    split = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    if plain(text) in _GLUED:
        split = _GLUED[plain(text)]
    rough = re.findall(r"[a-z]+|\d+", split.lower().replace("_", " "))
    words = {*" ".join(_GLUED.get(word, word) for word in rough).split()} - _IGNORED
    loss, accuracy = bool(words & _LOSS), bool(words & _ACCURACY)
    if not words <= _D | _G | _LOSS | _ACCURACY | _REAL | _FAKE or loss == accuracy:
        return None

    # Find the network and the kind of its samples
    of_d, of_g, kind = bool(words & _D), bool(words & _G), ""
    if words & _REAL:
        kind = "_real"
    elif words & _FAKE - {"gen"}:
        kind = "_fake"
    if of_d or (kind and not of_g):
        return f"d_acc{kind}" if accuracy else f"d_loss{kind}"
    if loss and of_g and not kind:
        return "g_loss"
    return None


def step_rank(name: str) -> int | None:
    """Return the place of a column's name in `STEPS`, None where it is no counter."""
    for text in (name, name.rpartition("/")[2]):
        if plain(text) in STEPS:
            return STEPS.index(plain(text))
    return None


def is_counter_or_signal(name: str) -> bool:
    """Return True if a column's name is that of a counter or a signal."""
    return signal_of(name) is not None or step_rank(name) is not None


def candidates(columns: Iterable[str], mapping: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the columns that may stand for each signal, best first; mapped ones stand alone."""
    columns = list(columns)
    found: dict[str, list[str]] = {ours: [theirs] for ours, theirs in mapping.items()}
    taken = {*mapping.values()}
    for column in columns:
        signal = signal_of(column)
        if signal is not None and signal not in mapping and column not in taken:
            found.setdefault(signal, []).append(column)
    if STEP not in mapping:
        ranked = [(rank, c) for c in columns if (rank := step_rank(c)) is not None]
        found[STEP] = [column for _, column in sorted(ranked, key=lambda pair: pair[0])]
    for signal, names in found.items():
        if signal != STEP:  # the shortest name is the plainest; sorting keeps the log's order
            names.sort(key=lambda name: (plain(name) != plain(signal), len(name)))
    return found


def proposals(columns: Sequence[str]) -> str:
    """Return `--map` options for the columns that look like losses, quoted for a shell."""
    options = []
    for signal, words in (("d_loss", _D), ("g_loss", _G)):
        for column in columns:
            if set(re.findall(r"[a-z]+", column.lower())) & (words - {"gan", "adv"}):
                options.append(f"--map {quote(f'{signal}={column}')}")
                break
    return " ".join(options)


def missing_column(ours: str, theirs: str, columns: Sequence[str]) -> str:
    """Return a message on a missing mapped column, with near names and the option to write."""
    by_case = {column.lower(): column for column in columns}
    near = [by_case[name] for name in get_close_matches(theirs.lower(), by_case, n=3, cutoff=0.5)]
    message = f"{ours} is mapped to a column that is not there: {theirs!r}"
    if near:
        message += f"; did you mean --map {quote(f'{ours}={near[0]}')}?"
    if near[1:]:
        message += f" Near ones: {', '.join(map(repr, near))}."
    shown = ", ".join(columns[:20])
    if columns[20:]:
        shown += f", and {len(columns) - 20} more"
    return f"{message} The columns are {shown or 'none'}"
