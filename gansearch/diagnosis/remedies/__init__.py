"""Remedies: changes to try after a run, each with the observation that suggests it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gansearch.candidate import Candidate
from gansearch.components import Data
from gansearch.diagnosis.remedies import construction, dynamics
from gansearch.diagnosis.remedies.case import Case, applied
from gansearch.signals import Remedy, Row, Verdict

__all__ = ["RULES", "applied", "remedies"]

RULES: tuple[tuple[Callable[[Case], bool], Callable[[Case], Remedy | None]], ...] = (
    (Case.unhealthy, construction.matching_output),
    (Case.unhealthy, dynamics.every_batch),
    (Case.unhealthy, construction.more_data),
    (Case.collapsed, construction.larger_latent),
    (Case.off_target, dynamics.longer_training),
    (Case.unhealthy, construction.smaller_initialisation),
    (Case.unhealthy, dynamics.gentler_adam),
    (Case.unhealthy, construction.moderate_kernels),
    (Case.unhealthy, construction.larger_generator),
    (Case.always, dynamics.lower_learning_rates),
    (Case.collapsed, dynamics.packing),
    (Case.dominated, dynamics.slower_discriminator),
    (Case.dominated, construction.balanced_weights),
    (Case.dominated, dynamics.spectral_norm),
    (Case.dominated, dynamics.feature_matching),
    (Case.dominated, dynamics.stalled_discriminator),
    (Case.stuck, construction.simpler_data),
)
"""Condition and rule of each remedy, best first: impossible settings, then what often helps."""
MOST = 5
"""Largest number of remedies per run: a long list helps nobody."""


def remedies(
    verdict: Verdict,
    rows: Sequence[Row],
    candidate: Candidate | None = None,
    data: Data | None = None,
) -> tuple[Remedy, ...]:
    """Return the changes to try next, best first; usually none after a healthy run.

    Args:
        verdict: verdict on the run.
        rows: signals of each step.
        candidate: the candidate, if known; without it no remedy has a change.
        data: the data set, if known.
    """
    case = Case(verdict, rows, candidate, data)
    found = (rule(case) for when, rule in RULES if when(case))
    return tuple(remedy for remedy in found if remedy is not None)[:MOST]
