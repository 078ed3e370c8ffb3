"""The sections `search`, `pruning` and `certification` of a study file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from gansearch.study.durations import parse_duration
from gansearch.study.section import Section


def _check_duration(text: object) -> object:
    parse_duration(text)
    return text


Timeout = Annotated[str, BeforeValidator(_check_duration)]
"""A duration such as `40m`."""


class SearchSpec(Section):
    """Sampler that chooses the candidates, and their number."""

    former_names: ClassVar[Mapping[str, str]] = {"levels": "grid_levels"}

    # A factory, so that the JSON schema states no default: it depends on the study's objectives.
    sampler: Literal["shrink", "tpe", "nsga2", "random", "one-at-a-time"] = Field(
        default_factory=lambda: "tpe"
    )
    """Sampler that proposes candidates.

    By default `shrink` where the objectives are one size and one quality, `tpe` elsewhere. `shrink`
    is a Bayesian optimizer for these two. It pauses runs at rungs, and trains the new or paused
    candidate from which it expects the largest gain of the front. `one-at-a-time` changes one field
    of the baseline at a time.
    """
    aim: Literal["front", "smallest"] = "front"
    """`front` looks for good models of every size, `smallest` for the smallest within tolerance.

    With `smallest`, candidates that are no smaller than a certified champion are rejected, and
    `shrink` looks only for models that are smaller than the smallest one so far.
    """
    trials: Annotated[int, Field(ge=1)] = 24
    """Number of trials. With `one-at-a-time` it is at most, and by default, one per variation."""
    timeout: Timeout | None = None
    """Wall-clock time of one `gansearch run` or `resume`, such as `40m` or `1h30m`; null for none.

    No trial is started that would not leave the time of the certification. Trials that are running
    then are trained to their end, and the next `resume` continues the search.
    """
    startup_trials: Annotated[int, Field(ge=1)] = 8
    """Candidates drawn at random before the sampler fits a model."""
    prior: tuple[str, ...] = ()
    """Runs of earlier studies whose trials tell `shrink` which candidates to try first.

    Each is a run folder, or the name of a study in ./runs; a relative path counts from here, or
    else from the study file. Data set, training and search space may differ: only the fields that
    both studies search count, and of the qualities only their differences within a run. Earlier
    runs that predict this study's own trials worse than nothing does lose their weight. Each of
    the first trials follows the prior with the probability that is this weight.
    """
    grid_levels: Annotated[int, Field(ge=2, le=1000)] = 3
    """Values of a range that `one-at-a-time` tries: both ends, and others evenly between them."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Seed of the sampler."""
    rescue: Literal["none", "suspect", "all"] = "none"
    """Verdicts after which a candidate is trained once more, with the first applicable remedy.

    `suspect` means suspect runs; `all` means failed runs too. Remedies that change the generator
    are not applied.
    """

    @property
    def limit(self) -> int | None:
        """Largest number of trials, or None where the study does not state it."""
        return self.trials if "trials" in self.model_fields_set else None


class PruningSpec(Section):
    """Rule that stops or pauses a run that will be worse than healthy trials of no larger size."""

    former_names: ClassVar[Mapping[str, str]] = {"precedents": "min_healthy_trials"}

    rungs: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.06667, 0.13333, 0.33333, 0.66667)
    """Shares of the training after which runs are compared. With an empty list none is pruned."""
    noise: Annotated[float, Field(gt=0)] = 0.14
    """Relative standard deviation of the final quality between two seeds of one candidate.

    The default was measured for the MMD on 50 candidates with three seeds each
    (benchmarks/tabular/tables/fashion_dcgan/seeds.md).
    """
    margin: Annotated[float, Field(ge=0)] = 1.0
    """Margin by which another trial must be better, as a multiple of `noise`."""
    min_healthy_trials: Annotated[int, Field(ge=1)] = 2
    """Healthy trials that must have passed a rung before any trial is pruned there."""


class CertificationSpec(Section):
    """Training of candidates with fresh seeds, and the quality that a champion needs."""

    former_names: ClassVar[Mapping[str, str]] = {"tolerance_of": "tolerance_reference"}

    seeds: Annotated[int, Field(ge=1)] = 5
    """Largest number of fresh seeds per candidate."""
    required: Annotated[int, Field(ge=1)] = 4
    """Number of healthy runs with which a candidate is stable."""
    tolerance: Annotated[float, Field(ge=0)] = 0.10
    """Share of the reference quality by which a champion may be worse.

    The default is a little less than the noise between two seeds. If two draws of samples from one
    generator differ by more, according to the calibration, that difference is the tolerance.
    """
    tolerance_reference: Literal["baseline", "best"] = "best"
    """Reference quality: that of the best model found, of any size, or that of the baseline."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Confidence level of the lower bound on the share of healthy seeds."""
    at_end: bool = True
    """Certify at the end of a search; `gansearch certify` does it at any time."""

    @model_validator(mode="after")
    def _check_required(self) -> Self:
        if self.required > self.seeds:
            raise ValueError(f"required ({self.required}) must not exceed seeds ({self.seeds})")
        return self
