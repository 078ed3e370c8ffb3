"""Other people's searches, as they are used without gansearch: no detectors, no rungs of ours.

Each trains its trials to the end (MO-ASHA pauses them at milestones), on one slot or several, and
knows afterwards whether a run ended well: its samplers get that as a constraint.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import optuna
from optuna.samplers import BaseSampler
from optuna.trial import Trial
from replaying import START_SECONDS, Run, Snapped, Spent, distributions_of

from gansearch.domains import Scalar
from gansearch.study.search_space import SearchSpace

MakeSampler = Callable[[int], BaseSampler]
"""Function from a seed to an Optuna sampler."""


@dataclass
class MOASHA:
    """Asynchronous successive halving of several objectives, with an epsilon-net.

    Every run is paused at each milestone. A free slot goes to a paused run that is within the first
    `1 / eta` of its milestone, the longest training first, and otherwise to a new candidate. The
    results of a milestone are sorted by non-domination, and within a front by their distance to
    those sorted before them. Once every candidate has begun, the first of those left are promoted.
    Source: Schmucker et al. 2021, "Multi-objective Asynchronous Successive Halving" (arXiv
    2106.12639). `eta` is Syne Tune's default.
    """

    rungs: Sequence[int]
    """Steps at which results are known."""
    eta: int = 3
    _seen: dict[int, dict[int, tuple[float, float]]] = field(default_factory=dict)
    """Results by milestone and candidate."""
    _promoted: set[tuple[int, int]] = field(default_factory=set)
    """Milestones and candidates that went on from there."""

    @cached_property
    def milestones(self) -> list[int]:
        """Rungs that are nearest to the powers of eta times the first one, without the end."""
        first, last = self.rungs[0], self.rungs[-1]
        powers = itertools.takewhile(
            lambda step: step < last, (first * self.eta**i for i in itertools.count())
        )
        nearest = {min(self.rungs, key=lambda r: abs(math.log(r / power))) for power in powers}
        return sorted(nearest - {last})

    def pause(self, step: int, number: int, point: tuple[float, float]) -> None:
        """Record the result of a candidate at a milestone."""
        self._seen.setdefault(step, {})[number] = point

    def promote(self, *, nothing_new: bool) -> tuple[int, int] | None:
        """Return a candidate to train on, and the step that it has reached; None if there is none.

        Args:
            nothing_new: True if every candidate has begun.
        """
        for step in reversed(self.milestones):
            seen = self._seen.get(step, {})
            numbers = list(seen)
            kept = len(seen) if nothing_new else len(seen) // self.eta
            for i in sorted_with_net([*seen.values()])[:kept]:
                if (step, numbers[i]) not in self._promoted:
                    self._promoted.add((step, numbers[i]))
                    return numbers[i], step
        return None


def sorted_with_net(points: Sequence[tuple[float, float]]) -> list[int]:
    """Sort points, less is better: front by front, and each as an epsilon-net.

    A net begins with the first point of a front; the next one is always the one that is furthest
    from those before it.
    """
    values, left, order = np.array(points, dtype=float), list(range(len(points))), []
    while left:
        front = [i for i in left if not any(_dominates(points[j], points[i]) for j in left)]
        net = [front[0]]
        while len(net) < len(front):
            rest = [i for i in front if i not in net]
            apart = [min(float(np.linalg.norm(values[i] - values[j])) for j in net) for i in rest]
            net.append(rest[int(np.argmax(apart))])
        order += net
        left = [i for i in left if i not in front]
    return order


def _dominates(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one != other and one[0] <= other[0] and one[1] <= other[1]


class PeerSearch:
    """Loop of an Optuna study over the candidates of a table, in virtual time."""

    def __init__(
        self,
        sampler: BaseSampler,
        space: SearchSpace,
        runs: Mapping[int, Run],
        *,
        slots: int,
        measuring: float,
        halving: MOASHA | None = None,
    ) -> None:
        """Set up the search.

        Args:
            sampler: proposes points, of which the nearest untried candidate is trained.
            space: the search space.
            runs: the run of every candidate, by its number.
            slots: trainings side by side.
            measuring: CPU seconds to measure samples once.
            halving: pauses runs at milestones; without it all are trained to their end.
        """
        self.spent, self.now = Spent(), 0.0
        self._runs, self._slots, self._measuring, self._halving = runs, slots, measuring, halving
        self._left: dict[int, Mapping[str, Scalar]] = {n: r.parameters for n, r in runs.items()}
        self._trials: dict[int, Trial] = {}
        self._distributions = distributions_of(space)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(
            directions=["minimize", "minimize"],
            sampler=Snapped(sampler, self._distributions, self._left),
        )
        for parameters in (space.baseline_parameters, *space.queued_parameters):
            self._study.enqueue_trial(dict(parameters))
        self._due: list[tuple[float, int, int]] = []
        """Time, candidate and step of each event to come, as a heap."""

    def run(self, on_end: Callable[[int], None], is_over: Callable[[], bool]) -> None:
        """Search until it is over, or every candidate has been trained.

        Args:
            on_end: called with the number of each candidate that was trained to its end.
            is_over: asked after each event.
        """
        while not is_over():
            while len(self._due) < self._slots and self._start():
                pass
            if not self._due:
                return
            self.now, number, step = heapq.heappop(self._due)
            run = self._runs[number]
            if step < run.steps[-1]:
                figures = run.at(step)
                assert figures is not None and self._halving is not None
                self._halving.pause(step, number, (math.log10(run.size), figures[run.quality]))
                continue
            trial = self._trials[number]
            trial.set_constraint("failure", float(not run.ends_well))
            self._study.tell(trial, [math.log10(run.size), run.cost])
            on_end(number)

    def _start(self) -> bool:
        """Start or promote a candidate, which starts a process; return False if there is none."""
        promoted = self._halving and self._halving.promote(nothing_new=not self._left)
        if promoted:
            number, reached = promoted
        elif self._left:
            trial = self._study.ask(self._distributions)
            number = next(n for n, values in self._left.items() if values == trial.params)
            del self._left[number]
            self._trials[number], reached = trial, 0
        else:
            return False
        run = self._runs[number]
        milestones = self._halving.milestones if self._halving else []
        step = next((m for m in milestones if m > reached), run.steps[-1])
        way = run.seconds(step, watched=False) - run.seconds(reached, watched=False)
        seconds = START_SECONDS + way + self._measuring
        self.spent.seconds += seconds
        self.spent.failed += 0.0 if run.ends_well else seconds
        heapq.heappush(self._due, (self.now + seconds, number, step))
        return True
