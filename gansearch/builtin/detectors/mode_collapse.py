from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

from pydantic import Field

from gansearch.components import Detector, Watch
from gansearch.run_context import RunContext
from gansearch.signals import HEALTHY, Row, Status, Verdict

FIGURES = ("coverage", "duplicates", "coarse_duplicates", "spread", "levels")
FEWEST_STEPS = 50
"""Steps between two looks at least, which cost about as much as ten steps each."""
SHORT_TRAINING = 500
"""Steps of a training below which near pairs alone make a run suspect: a sound generator of 7,000
parameters had 32 % at step 300 and 1.6 % at step 500."""
CLEAR = 0.5
"""Share of near pairs that condemns in a short training too."""
FEWEST_FOR_FIRST = 100
"""Steps before the first look at least: an untrained generator draws almost the same everywhere."""


class ModeCollapse(Detector):
    """Few different samples (mode-collapse), or samples nowhere near the data (off-target).

    Judged at looks at the samples, whose limits come from real samples of the same data, so that it
    holds for any loss, a Wasserstein critic's too. Coverage after Naeem et al. 2020, "Reliable
    fidelity and diversity metrics for generative models".
    """

    reads: ClassVar[tuple[str, ...]] = ("coverage|duplicates",)

    coverage: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Share of real samples with a generated neighbour below which samples are off target; raised
    to what one picture and noise cover of this data set."""
    duplicates: Annotated[float, Field(ge=0, le=1)] = 0.08
    """Share of near pairs above which a run has collapsed. Pairs are near where 1 % of real pairs
    are; ten pictures in turn have 9.1 % or more, six sound runs had 0.4 to 4.5 % at their end."""
    spread: Annotated[float, Field(gt=1)] = 1.35
    """Median distance of pairs, over that of real pairs, above which samples are off target: noise
    was drawn over them. Sound runs had 0.8 to 1."""
    levels: Annotated[float, Field(gt=0)] = 0.6
    """Distance of real pictures' grey levels to those of the nearest sample, over the distance of
    two real pictures, above which samples are off target. It sees noise that the features of an
    untrained network do not: noise of a failed generator on dark skies had 0.7 to 1.2, five
    pictures in turn had 0.30 to 0.63 on 15 data sets, two sound runs 0.14 and 0.19."""
    covered: Annotated[float, Field(ge=0, le=1)] = 0.8
    """Share of the coverage of real samples from which near pairs do not count."""
    hopeless: Annotated[float, Field(ge=0, le=1)] = 0.9
    """Share of near pairs which, with too low a coverage, condemns a run before `grace`."""
    start: Annotated[float, Field(gt=0, le=1)] = 1 / 3
    """Share of the training after which samples are looked at first."""
    every: Annotated[float, Field(gt=0, le=1)] = 1 / 6
    """Share of the training between two looks. The last look is always at its end."""
    grace: Annotated[float, Field(ge=0, le=1)] = 2 / 3
    """Share of the training before which a failure that is not hopeless does not condemn."""
    looks: Annotated[int, Field(ge=1)] = 2
    """Failing looks in a row that condemn. A run that a spike threw back recovered after one."""
    reprieve: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Coverage beyond which near pairs condemn a run at its end and not before; what ten pictures
    in turn cover of this data set, where that is known. Two of 39 sound runs drew few kinds of
    pictures until the middle of their training, and covered more than that; failed runs cover up to
    6 %."""
    approaching: Annotated[float, Field(ge=0, le=1)] = 0.9
    """Share of the last look's distance in grey levels up to which low coverage alone condemns a
    run at its end and not before: its samples still come nearer. Two runs of 600 steps on coloured
    faces covered 0.0 and 0.4 % at step 400, and 2 and 19 % at their end; their distance had fallen
    to 0.53 and 0.84 of that of the look before."""
    recovering: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the last look's near pairs up to which a look before the end does not count."""

    def watch(self, context: RunContext | None = None) -> Watch:
        return _SampleWatch(self, context or RunContext())

    def probe_due(self, step: int, steps: int | None) -> bool:
        if steps is None:
            return False
        first = max(FEWEST_FOR_FIRST, round(self.start * steps))
        between = max(FEWEST_STEPS, round(self.every * steps))
        # A look just before the end would see what the last one sees.
        regular = step >= first and (step - first) % between == 0 and steps - step >= between // 2
        return step == steps or regular


@dataclass(frozen=True)
class _Finding:
    """Failure that one look shows."""

    status: Status
    rule: str
    amount: float
    """Share of near pairs where these are the failure, else NaN."""


class _SampleWatch:
    def __init__(self, detector: ModeCollapse, context: RunContext) -> None:
        self.detector = detector
        self.context = context
        self.step = 0
        self.samples_measured = False
        self.looks = 0
        self.failing = 0  # looks in a row, up to now
        self.last_amount = self.last_levels = math.nan
        self.verdict: Verdict | None = None
        self.put_off: Status | None = None  # what the last look comes to if the run ends with it
        calibration = context.calibration
        self.coverage_limit, self.covered = detector.coverage, detector.covered
        self.reprieve = detector.reprieve
        self.duplicate_limit, self.real_duplicates = detector.duplicates, 0.01
        self.real_coarse = 0.01
        if calibration is not None:
            self.coverage_limit = max(detector.coverage, calibration.coverage_limit)
            self.coverage_limit = min(self.coverage_limit, calibration.real.coverage / 4)
            self.covered = detector.covered * calibration.real.coverage
            if (ten := calibration.trivial.get("ten")) is not None:
                self.reprieve = max(ten.coverage, 2 * self.coverage_limit)
            self.real_duplicates = max(0.01, calibration.real_duplicates)
            self.real_coarse = max(0.01, calibration.real.coarse_duplicates or 0.0)
            self.duplicate_limit = max(detector.duplicates, 2 * self.real_duplicates)

    def observe(self, step: int, row: Row) -> Verdict | None:
        self.step = step
        self.samples_measured |= "pair_ratio" in row
        if "coverage" in row or "duplicates" in row:
            self._look(step, {name: row[name] for name in FIGURES if name in row})
        return self.verdict

    def conclude(self) -> Verdict | None:
        if self.looks == 0:
            return self._unjudged()
        if self.put_off is not None and self.verdict is not None:
            return replace(self.verdict, status=self.put_off)
        return self.verdict or HEALTHY

    def _unjudged(self) -> Verdict | None:
        """Say so where samples could have been looked at; a log of losses has none."""
        if self.context.steps is None and not self.samples_measured:
            return None
        rule = f"the run ended at step {self.step}, before the first look at its samples"
        return Verdict("unjudged", self.step or None, {"rule": rule}, "mode-collapse")

    def _look(self, step: int, figures: Mapping[str, float]) -> None:
        steps = self.context.steps
        at_end = steps is not None and step >= steps
        finding = self._finding(figures)
        levels = figures.get("levels", math.nan)
        approaches = levels <= self.detector.approaching * self.last_levels
        self.last_levels = levels
        self.looks += 1
        self.put_off = None
        if finding is None:
            self.failing, self.last_amount, self.verdict = 0, math.nan, None
            return
        recovers = finding.amount <= self.detector.recovering * self.last_amount
        self.last_amount = finding.amount
        self.failing = max(1, self.failing if recovers and not at_end else self.failing + 1)
        in_grace = steps is not None and step < self.detector.grace * steps
        hopeless = (
            max(figures.get("duplicates", 0.0), figures.get("coarse_duplicates", 0.0))
            > self.detector.hopeless
            and figures.get("coverage", 0.0) < self.coverage_limit
        )
        # A short training has one look, at its end: there is no other to wait for.
        enough = self.failing >= self.detector.looks or (at_end and self.looks == 1)
        # Sound runs too repeat themselves in their first few hundred steps.
        clear = figures.get("coverage", 0.0) < self.coverage_limit or finding.amount > CLEAR
        clear = clear or figures.get("levels", 0.0) > self.detector.levels
        clear = clear or steps is None or steps >= SHORT_TRAINING
        failed = enough and clear and (hopeless or not in_grace) and not (recovers and at_end)
        # Near pairs of a run that draws many kinds of pictures may still move apart, and varied
        # samples that come nearer to the real ones may still reach them.
        if math.isnan(finding.amount):
            waits = approaches and levels <= self.detector.levels
        else:
            waits = figures.get("coverage", 0.0) > self.reprieve
        condemned = failed and (at_end or not waits)
        if failed and steps is None:  # a log ends where it ends
            self.put_off = finding.status
        known = {name: value for name, value in figures.items() if math.isfinite(value)}
        evidence: dict[str, Any] = {"rule": finding.rule, "looks": self.failing, **known}
        status: Status = finding.status if condemned else "suspect"
        self.verdict = Verdict(status, step, evidence, "mode-collapse")

    def _finding(self, figures: Mapping[str, float]) -> _Finding | None:
        """Hold one look's figures against the limits; NaN, of points, passes."""
        coverage, spread = figures.get("coverage", 1.0), figures.get("spread", 1.0)
        duplicates = figures.get("duplicates", 0.0)
        coarse = figures.get("coarse_duplicates", duplicates)
        if coverage < self.covered or "coverage" not in figures:
            if duplicates > self.duplicate_limit:
                rule = f"{duplicates:.1%} of the pairs of samples are nearly the same"
                return _Finding(
                    "mode-collapse", f"{rule}, of real ones {self.real_duplicates:.1%}", duplicates
                )
            if coarse > self.duplicate_limit or (
                duplicates < 0.1 * self.real_duplicates and coarse > 2 * self.real_coarse
            ):
                rule = f"{coarse:.1%} of the pairs of samples differ in nothing but noise"
                return _Finding("off-target", rule, coarse)
        if coverage < self.coverage_limit:
            rule = (
                f"the samples cover {coverage:.1%} of the data, less than {self.coverage_limit:.1%}"
            )
            return _Finding("off-target", rule, math.nan)
        if spread > self.detector.spread:
            rule = f"the samples lie {spread:.2f} times as far apart as real ones"
            return _Finding("off-target", rule, math.nan)
        if (levels := figures.get("levels", 0.0)) > self.detector.levels:
            rule = (
                f"real pictures differ {levels:.2f} times as much from the nearest sample, in grey "
                "levels, as from each other"
            )
            return _Finding("off-target", rule, math.nan)
        return None
