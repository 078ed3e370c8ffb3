"""Certificates: what training a candidate again, with fresh seeds, has proven of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["stable", "unstable", "undecided"]


@dataclass(frozen=True)
class Quality:
    """A quality over the seeds that came out healthy."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Certificate:
    """How a candidate came out over fresh seeds."""

    trial: int
    """Of the search, whose candidate this is."""
    status: Status
    """`stable` once enough seeds are healthy, `unstable` once they can no longer be; `undecided` in between."""
    seeds: int
    """That have been trained to their end."""
    healthy: int
    """Of those."""
    required: int
    allowed: int
    """Seeds at most."""
    rate_low: float
    """Lower bound of the share of all seeds that come out healthy, at the study's confidence."""
    quality: Quality | None
    """None without a healthy seed, and for a study that has no quality."""
    within_tolerance: bool | None
    """Whether the median quality is good enough for a champion; None where that cannot be told."""

    def to_json(self) -> dict[str, Any]:
        """The contract of `pareto --json` and `certify --json`."""
        quality = self.quality
        return {
            "status": self.status,
            "stable": self.status == "stable",
            "seeds": self.seeds,
            "healthy": self.healthy,
            "required": self.required,
            "allowed": self.allowed,
            "rate_low": self.rate_low,
            "quality": None if quality is None else {"median": quality.median, "low": quality.low, "high": quality.high},
            "within_tolerance": self.within_tolerance,
        }
