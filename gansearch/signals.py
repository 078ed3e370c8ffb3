"""Signals of a training step, verdicts that detectors reach from them, and remedies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

Row = Mapping[str, float]
"""Signals of one step by column. What was not measured is absent; NaN is a failed value."""

COLUMNS: Mapping[str, str] = {
    "d_loss_real": "discriminator's loss on real samples",
    "d_loss_fake": "discriminator's loss on generated samples",
    "d_acc_real": "share of real samples that the discriminator calls real",
    "d_acc_fake": "share of generated samples that the discriminator calls generated",
    "g_loss": "generator's loss",
    "d_grad_norm": "L2 norm of the discriminator's gradient",
    "g_grad_norm": "L2 norm of the generator's gradient",
    "d_first_grad_norm": "L2 norm of the gradient of the discriminator's first weight",
    "g_first_grad_norm": "L2 norm of the gradient of the generator's first weight",
    "d_logit_real": "mean score of real samples",
    "d_logit_fake": "mean score of generated samples",
    "dominance": "softplus(-real logit) + softplus(fake logit): 2 ln 2 in balance, 0 if D wins",
    "pair_ratio": "mean distance of pairs of generated samples over that of pairs of real ones",
    "coverage": "share of real samples with a generated one in their neighbourhood",
    "duplicates": "share of pairs of generated samples that are nearer than 99 % of real pairs",
    "coarse_duplicates": "the same share for samples averaged over a grid of 8x8 cells",
    "spread": "median distance of pairs of generated samples over that of real pairs",
}

Status = Literal[
    "healthy",
    "suspect",
    "convergence-failure",
    "mode-collapse",
    "off-target",
    "diverged",
    "unjudged",
]
STATUSES: tuple[Status, ...] = (
    "healthy",
    "suspect",
    "convergence-failure",
    "mode-collapse",
    "off-target",
    "diverged",
    "unjudged",
)
FAILURES: frozenset[Status] = frozenset(
    {"convergence-failure", "mode-collapse", "off-target", "diverged"}
)


@dataclass(frozen=True)
class Verdict:
    """Verdict of a detector on a run, with the step since which it holds and the evidence."""

    status: Status = "unjudged"
    step: int | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    detector: str | None = None

    @property
    def failed(self) -> bool:
        return self.status in FAILURES

    @property
    def severity(self) -> int:
        """Rank among several verdicts: 2 failed, 1 suspect, else 0."""
        return 2 if self.failed else int(self.status == "suspect")

    def to_json(self) -> dict[str, Any]:
        return {
            "verdict": self.status,
            "step": self.step,
            "detector": self.detector,
            "evidence": dict(self.evidence),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        return cls(record["verdict"], record["step"], record["evidence"], record["detector"])


HEALTHY = Verdict("healthy")
UNJUDGED = Verdict("unjudged")


@dataclass(frozen=True)
class Remedy:
    """Change to try next after a run, with the reason that this run gives."""

    title: str
    because: str
    """Signals of the run that suggest it, with figures."""
    source: str
    """The document or paper that gives it, as a reader can find it."""
    change: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """New values by role and field, `use` for another component; empty for manual changes."""

    def to_json(self) -> dict[str, Any]:
        change = {role: dict(fields) for role, fields in self.change.items()}
        return {
            "title": self.title,
            "because": self.because,
            "source": self.source,
            "change": change,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        return cls(record["title"], record["because"], record["source"], record["change"])


def dominance_of(row: Row) -> float | None:
    """Return the `dominance` of a step, or its estimate from a log's losses; None without one."""
    if "dominance" in row:
        return row["dominance"]
    losses = [row[name] for name in ("d_loss_real", "d_loss_fake") if name in row]
    if len(losses) < 2:
        # A single discriminator loss is usually the mean over a batch of both kinds.
        losses = 2 * [row["d_loss"]] if "d_loss" in row else []
    # A loss below zero is no cross-entropy, so it does not tell which network wins.
    return sum(losses) if losses and min(losses) >= 0 else None
