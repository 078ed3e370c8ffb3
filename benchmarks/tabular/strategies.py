"""Search strategies: ours, ours with a part switched off, and those of other packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optuna.samplers import GPSampler, NSGAIISampler, RandomSampler, TPESampler
from peers import MakeSampler

from gansearch.search.pruning import CONTINUE, PruneDecision
from gansearch.trial_record import Rung, TrialRecord


class NoPruner:
    """Pruner that continues every run."""

    def decide(
        self, sizes: Mapping[str, float], rungs: Sequence[Rung], healthy: Sequence[TrialRecord]
    ) -> PruneDecision:
        """Continue."""
        return CONTINUE


@dataclass(frozen=True)
class Ours:
    """Search with our driver: detectors stop runs."""

    sampler: str = "shrink"
    prunes: bool = True
    """True if runs are compared at rungs."""
    prior: bool = False
    """True if the search knows the trials of another table's study (`prior` of the plan)."""
    shuffled: bool = False
    """True if what these trials have shown is shuffled among them."""


@dataclass(frozen=True)
class Peer:
    """Search with an Optuna sampler alone."""

    make: MakeSampler
    halves: bool = False
    """True if MO-ASHA pauses and promotes runs."""


Strategy = Ours | Peer

STRATEGIES: Mapping[str, Strategy] = {
    "ours": Ours(),
    "TPE with our rungs and verdicts": Ours("tpe"),
    "random with our rungs and verdicts": Ours("random"),
    # Startup trials as in our studies. All samplers get failures as a violated constraint.
    "TPE": Peer(
        lambda seed: TPESampler(
            seed=seed, multivariate=True, constant_liar=True, n_startup_trials=5
        )
    ),
    "NSGA-II": Peer(lambda seed: NSGAIISampler(seed=seed)),
    "GPSampler": Peer(lambda seed: GPSampler(seed=seed, n_startup_trials=5)),
    "MO-ASHA": Peer(lambda seed: RandomSampler(seed=seed), halves=True),
    "random": Peer(lambda seed: RandomSampler(seed=seed)),
    "ours without rungs": Ours(prunes=False),
    "ours with a prior": Ours(prior=True),
    "ours with a misleading prior": Ours(prior=True, shuffled=True),
}
