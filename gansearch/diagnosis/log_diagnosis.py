"""Diagnosis of a loss log: its kind of loss, the detectors that can judge it, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from gansearch.builtin.detectors.convergence_failure import ConvergenceFailure
from gansearch.builtin.detectors.divergence import Divergence
from gansearch.builtin.detectors.frozen_losses import FrozenLosses
from gansearch.builtin.detectors.losing_generator import LosingGenerator
from gansearch.builtin.detectors.lost_discriminator import LostDiscriminator
from gansearch.builtin.detectors.lost_quality import LostQuality
from gansearch.builtin.detectors.missing_losses import MissingLosses
from gansearch.builtin.detectors.mode_collapse import ModeCollapse
from gansearch.builtin.detectors.runaway_critic import RunawayCritic
from gansearch.components import Detector
from gansearch.diagnosis.detection import Diagnosis, diagnose
from gansearch.signals import Row, Verdict

CROSS_ENTROPY, CRITIC = "cross-entropy", "wasserstein"
LOSSES: Mapping[str, str] = {
    "bce": CROSS_ENTROPY,
    "cross-entropy": CROSS_ENTROPY,
    "minimax": CROSS_ENTROPY,
    "non-saturating": CROSS_ENTROPY,
    "feature-matching": CROSS_ENTROPY,
    "hinge": "hinge",
    "least-squares": "least-squares",
    "lsgan": "least-squares",
    "relativistic": "relativistic",
    "wasserstein": CRITIC,
    "wasserstein-gp": CRITIC,
}
"""Kinds of loss by the names that `--loss` takes."""
FEW = 10
"""Rows below which a log without a sign of failure is not called healthy."""
NEGATIVE = 0.02
"""Share of rows with a loss below zero above which the loss is no cross-entropy."""
_LOSS_SIGNALS = ("d_loss", "d_loss_real", "d_loss_fake", "g_loss")


@dataclass(frozen=True)
class LogDiagnosis:
    """Verdict on a log, with the loss that it was judged as."""

    diagnosis: Diagnosis
    loss: str
    """Kind of loss, named or guessed."""
    because: str
    """Reason why it was taken for this kind."""
    rows: Sequence[Row]
    """Rows for the choice of remedies, without losses whose scale does not show who wins."""


def diagnose_log(log: Sequence[tuple[int, Row]], loss: str | None = None) -> LogDiagnosis:
    """Judge a log by all that its columns and its loss allow.

    Args:
        log: (step, signals) of every row.
        loss: one of `LOSSES`; guessed by the sign of the losses where it is not given.
    """
    kind, because = (LOSSES[loss], "named") if loss else _guess(log)
    diagnosis = diagnose(log, _detectors(kind, any(_has(row, _LOSS_SIGNALS) for _, row in log)))
    unjudged = {name: list(columns) for name, columns in diagnosis.unjudged.items()}
    # A log of losses has no quality metrics; a list of them would not help.
    unjudged.pop("lost-quality", None)
    if not any("pair_ratio" in row for _, row in log) and kind == CROSS_ENTROPY:
        unjudged.setdefault("convergence-failure", ["pair_ratio"])
    rows = [row for _, row in log]
    if kind != CROSS_ENTROPY:
        rows = [{k: v for k, v in row.items() if k not in _LOSS_SIGNALS} for row in rows]
        unjudged["convergence-failure"] = [
            f"who wins cannot be judged by the losses: {because}, and dominance is known for "
            "cross-entropy alone"
        ]
    verdict = diagnosis.verdict
    if verdict.status == "healthy":
        verdict = _nothing_found(log, kind)
    result = replace(diagnosis, verdict=verdict, unjudged=unjudged)
    return LogDiagnosis(result, kind, because, rows)


def _has(row: Row, signals: Sequence[str]) -> bool:
    return any(name in row for name in signals)


def _guess(log: Sequence[tuple[int, Row]]) -> tuple[str, str]:
    """Return the kind of loss that a log seems to be of, and the reason."""
    rows = [row for _, row in log if _has(row, _LOSS_SIGNALS)]
    below = sum(any(row.get(name, 0.0) < -1e-6 for name in _LOSS_SIGNALS) for row in rows)
    if below > NEGATIVE * len(rows):
        because = f"a loss is below zero in {below} of {len(rows)} rows, so it is no cross-entropy"
        return CRITIC, because
    if any("dominance" in row for row in rows):
        return CROSS_ENTROPY, "the log has the dominance signal"
    return CROSS_ENTROPY, "no loss is below zero (name another loss with --loss)"


def _detectors(kind: str, has_losses: bool) -> dict[str, Detector]:
    """Return the detectors that are meaningful for a kind of loss, by their names."""
    detectors: dict[str, Detector] = {
        "mode-collapse": ModeCollapse(),
        "lost-quality": LostQuality(),
    }
    if not has_losses:
        return detectors
    detectors |= {
        "divergence": Divergence(),
        "frozen-losses": FrozenLosses(),
        "missing-losses": MissingLosses(),
    }
    if kind == CROSS_ENTROPY:
        detectors |= {
            "convergence-failure": ConvergenceFailure(),
            "losing-generator": LosingGenerator(),
            "lost-discriminator": LostDiscriminator(),
        }
    elif kind == CRITIC:
        detectors["runaway-critic"] = RunawayCritic()
    else:  # a bounded loss shows nothing but an explosion
        detectors["lost-discriminator"] = LostDiscriminator(limit=LostDiscriminator().explosion)
    return detectors


def _nothing_found(log: Sequence[tuple[int, Row]], kind: str) -> Verdict:
    """Return healthy with its evidence, or unjudged where that is too little."""
    seen = sorted({name for _, row in log for name in row})
    evidence = {"judged": seen, "rows": len(log)} | _trend(log)
    losses = [name for name in seen if name in _LOSS_SIGNALS]
    measured = sum(_has(row, _LOSS_SIGNALS) for _, row in log)
    judged = "no sign of failure in " + ", ".join(seen)
    samples = {"coverage", "duplicates", "pair_ratio"} & {*seen}
    if not losses and not samples:
        return Verdict("unjudged", None, {"rule": "the log has no losses"} | evidence)
    if losses and measured < FEW:
        rule = f"{judged}, but {measured} rows are too few to judge by"
        return Verdict("unjudged", None, {"rule": rule} | evidence)
    if losses == ["g_loss"] and not samples:
        rule = f"{judged}, but without the discriminator's loss nobody can say who wins"
        return Verdict("unjudged", None, {"rule": rule} | evidence)
    if kind != CROSS_ENTROPY:
        judged += f"; who wins was not judged, as the loss is taken for {kind}"
    return Verdict("healthy", None, {"rule": judged} | evidence)


def _trend(log: Sequence[tuple[int, Row]]) -> dict[str, str]:
    """Describe each distance to the data by its first, its best and its last values."""
    trends = {}
    for name in ("fid", "kid", "mmd"):
        curve = [(step, row[name]) for step, row in log if name in row]
        if curve:
            best = min(curve, key=lambda point: point[1])
            last = median(value for _, value in curve[-3:])
            trends[f"{name}_trend"] = (
                f"first {curve[0][1]:.4g}, best {best[1]:.4g} at {best[0]}, of late {last:.4g}"
            )
    return trends
