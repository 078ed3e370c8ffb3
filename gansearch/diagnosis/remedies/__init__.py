"""Remedies: what to try next after a run, each with what the run showed that suggests it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gansearch.candidate import Candidate
from gansearch.components import Data
from gansearch.diagnosis.remedies import construction, dynamics
from gansearch.diagnosis.remedies.case import Case, applied
from gansearch.signals import Remedy, Row, Verdict

__all__ = ["RULES", "applied", "remedies"]

RULES: tuple[tuple[Callable[[Case], bool], Callable[[Case], Remedy | None]], ...] = (
    (Case.unwell, construction.matching_output),
    (Case.unwell, dynamics.every_batch),
    (Case.unwell, construction.more_data),
    (Case.collapsed, construction.larger_latent),
    (Case.off_target, dynamics.longer_training),
    (Case.unwell, construction.smaller_initialisation),
    (Case.unwell, dynamics.gentler_adam),
    (Case.unwell, construction.moderate_kernels),
    (Case.unwell, construction.larger_generator),
    (Case.always, dynamics.lower_learning_rates),
    (Case.collapsed, dynamics.packing),
    (Case.dominated, dynamics.slower_discriminator),
    (Case.dominated, construction.balanced_weights),
    (Case.dominated, dynamics.spectral_norm),
    (Case.dominated, dynamics.feature_matching),
    (Case.dominated, dynamics.stalled_discriminator),
    (Case.stuck, construction.simpler_data),
)
"""When a case is like this, ask that rule; best remedies first: what cannot go well, then what
often helps."""
MOST = 5
"""Remedies of one run: who is told to try everything is told nothing."""


def remedies(
    verdict: Verdict,
    rows: Sequence[Row],
    candidate: Candidate | None = None,
    data: Data | None = None,
) -> tuple[Remedy, ...]:
    """Return what to try next, best first; nothing after a healthy run that shows nothing.

    Args:
        verdict: on the run.
        rows: its signals, step by step.
        candidate: what was trained, where that is known; without it no remedy has a change.
        data: what it was trained on, where that is known.
    """
    case = Case(verdict, rows, candidate, data)
    found = (rule(case) for when, rule in RULES if when(case))
    return tuple(remedy for remedy in found if remedy is not None)[:MOST]
