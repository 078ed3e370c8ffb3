"""Signals of a training step, verdicts of detectors on them, and remedies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self, get_args

Row = Mapping[str, float]
"""Signals of one step by column.

A signal that was not measured at the step is absent; NaN is a measured value that is not a number.
"""

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
    "dominance": (
        "softplus(-logit of real) + softplus(logit of fake): 2 ln 2 in balance, 0 where D wins"
    ),
    "pair_ratio": (
        "mean distance between pairs of generated samples over that between pairs of real ones"
    ),
    "coverage": "share of real samples with a generated one in their neighbourhood",
    "duplicates": "share of pairs of generated samples that are nearer than 99 % of real pairs",
    "coarse_duplicates": "the same share for samples averaged over a grid of 8x8 cells",
    "spread": "median distance of pairs of generated samples over that of real pairs",
    "levels": "distance of real grey levels to the nearest sample's, over that of real pairs",
}

LOG_COLUMNS: Mapping[str, str] = {
    "d_loss": "discriminator's loss on real and generated samples together",
    "d_acc": "discriminator's accuracy on real and generated samples together",
    "fid": "Frechet distance between generated and real samples",
    "kid": "kernel distance between generated and real samples",
    "mmd": "maximum mean discrepancy between generated and real samples",
}
"""Signals that only logs of other programs have."""

Status = Literal[
    "healthy",
    "suspect",
    "convergence-failure",
    "mode-collapse",
    "off-target",
    "diverged",
    "unjudged",
]
STATUSES: tuple[Status, ...] = get_args(Status)
FAILURES: frozenset[Status] = frozenset(
    {"convergence-failure", "mode-collapse", "off-target", "diverged"}
)


@dataclass(frozen=True)
class Verdict:
    """Judgement of a run, with the step of its cause and the evidence for it."""

    status: Status = "unjudged"
    step: int | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    detector: str | None = None

    @property
    def failed(self) -> bool:
        return self.status in FAILURES

    @property
    def severity(self) -> int:
        """0 healthy, 1 suspect, 2 failed; of several verdicts the most severe one counts."""
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
    """A change to try next, with the reason in the signals of the run."""

    title: str
    because: str
    """Observation of the run that suggests the change, with figures."""
    source: str
    """Document or paper that recommends the change."""
    change: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """New values by role and field, `use` for another component; empty if no field can do it."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        return cls(**record)


def dominance_of(row: Row) -> float | None:
    """Return the `dominance` of a step, or its nearest substitute in a log without that column.

    >>> dominance_of({"d_loss_real": 0.6, "d_loss_fake": 0.5})
    1.1
    >>> dominance_of({"d_loss_real": -3.0, "d_loss_fake": 2.0}) is None
    True
    """
    if "dominance" in row:
        return row["dominance"]
    losses = [row[name] for name in ("d_loss_real", "d_loss_fake") if name in row]
    if len(losses) < 2:
        # A single discriminator loss is usually the mean over real and generated samples.
        losses = 2 * [row["d_loss"]] if "d_loss" in row else []
    # A loss below zero is no cross-entropy, so its size does not show which network wins.
    return sum(losses) if losses and min(losses) >= 0 else None
