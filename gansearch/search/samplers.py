"""Samplers of Optuna, and how each of them is told of a candidate that failed.

A sampler is made anew before each question, with a seed that depends on how many trials have ended
and how many run: so a resumed study goes on where an uninterrupted one would be, instead of
repeating its first draws.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import optuna
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial

from gansearch.study.spec import SearchSpec


class _ResumableNSGAII(NSGAIISampler):
    """NSGA-II that an interruption does not throw off its course."""

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Give queued trials a generation too: the baseline, and those that are tried again."""
        super().before_trial(study, trial)
        self.get_trial_generation(study, trial)

    def select_parent(self, study: optuna.Study, generation: int) -> list[FrozenTrial]:
        """Parents in the order of their numbers, whatever order the storage gives."""
        parents: list[FrozenTrial] = super().select_parent(study, generation)
        return sorted(parents, key=lambda trial: trial.number)


@dataclass(frozen=True)
class SamplerKind:
    """A sampler, and what it must be told of failures."""

    make: Callable[[SearchSpec, int], BaseSampler]
    learns_from_pruned: bool
    """Whether it reads PRUNED trials. One that does not is told COMPLETE, with a violated constraint.

    Told as FAIL, failures are forgotten and tried again: TPE then fails in 45-100 % of its later
    trials, told as PRUNED in 6-13 %.
    """
    proposes: bool = True
    """Whether it has candidates of its own. A search without ends with those that are given."""
    pauses: bool = False
    """True if runs are paused at rungs, to be promoted later."""


KINDS: Mapping[str, SamplerKind] = {
    "tpe": SamplerKind(
        lambda spec, seed: TPESampler(
            seed=seed,
            multivariate=True,
            constant_liar=True,
            n_startup_trials=spec.startup_trials,
        ),
        learns_from_pruned=True,
    ),
    "nsga2": SamplerKind(
        lambda spec, seed: _ResumableNSGAII(seed=seed, population_size=max(2, spec.startup_trials)),
        learns_from_pruned=False,
    ),
    "random": SamplerKind(lambda spec, seed: RandomSampler(seed=seed), learns_from_pruned=True),
    # It chooses by itself (shrinking.py), but for its first candidates.
    "shrink": SamplerKind(
        lambda spec, seed: RandomSampler(seed=seed), learns_from_pruned=True, pauses=True
    ),
    # All that it tries is given, so nothing is ever drawn.
    "one-at-a-time": SamplerKind(
        lambda spec, seed: RandomSampler(seed=seed), learns_from_pruned=True, proposes=False
    ),
}


def make_sampler(spec: SearchSpec, asked: int) -> BaseSampler:
    """Make the sampler for the next candidate, after so many were asked for."""
    return KINDS[spec.sampler].make(spec, seed_of(spec, asked))


def seed_of(spec: SearchSpec, asked: int) -> int:
    """Return the seed of the next draw, the same whether or not the search was interrupted."""
    digest = hashlib.sha256(f"{spec.seed}/{asked}".encode()).digest()
    return int.from_bytes(digest[:4])
