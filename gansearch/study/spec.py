"""A study as validated: what is searched, how it is trained, what it is judged by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)

from gansearch.errors import Place, Problem
from gansearch.study.database_url import DatabaseUrl, without_password
from gansearch.study.storage_url import StoragePath


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ComponentNode(BaseModel):
    """`use` names a component; the other keys are its fields, each a value or a domain."""

    model_config = ConfigDict(frozen=True, extra="allow")

    use: str
    search: bool = False
    """Search every field that has a domain of its own and is not given here."""

    @property
    def fields(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


def _as_list(node: object) -> object:
    return node if isinstance(node, list) else [node]


Architectures = Annotated[tuple[ComponentNode, ...], BeforeValidator(_as_list), Field(min_length=1)]
"""One component, or a list of those to choose among."""


_EPOCHS = r"[1-9][0-9]* epochs?"


def _check_interval(interval: object) -> object:
    """One message for what a union of types would tell in two."""
    if isinstance(interval, str) and re.fullmatch(_EPOCHS, interval):
        return interval
    if isinstance(interval, int) and not isinstance(interval, bool) and interval >= 0:
        return interval
    raise ValueError("should be a number of steps, 0 or more, or of epochs, such as '10 epochs'")


Interval = Annotated[
    Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=f"^{_EPOCHS}$")],
    BeforeValidator(_check_interval),
]
"""A whole number of steps, or a string such as `10 epochs`."""


class _Training(_Part):
    """What a training has whether its durations are told in epochs or in steps."""

    batch_size: Annotated[int, Field(ge=2)] = 64
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    memory_format: Literal["channels_last", "contiguous"] = "channels_last"
    """How weights and images lie in memory, as torch calls it. Which is faster depends on networks and device."""
    graphs: bool = False
    """Whether steps are recorded as CUDA graphs and replayed, for small networks, whose steps wait for their launches.

    A recording has to come to what eager steps do before it is used; where it does not, or there is no CUDA, the run
    is as without, and its stamp says why. A loss that goes by the number of the step is never recorded. Components
    that keep a state of their own, outside of parameters and buffers, do not go together with this.
    """
    signals_every: Annotated[int, Field(ge=1)] = 10
    """Steps between two looks at the signals, which wait on the device until then."""
    checkpoint_every: Annotated[int, Field(ge=0)] = 500
    """Steps between two checkpoints from which an interrupted run goes on; 0 keeps none."""
    eval_samples: Annotated[int, Field(ge=10)] = 2000
    """Generated samples on which the metrics are measured, and test samples at most."""

    augment: tuple[Literal["color", "translation", "cutout"], ...] = ()
    """Transforms of all samples that the discriminator sees (DiffAugment), for few pictures."""

    def steps_per_epoch(self, samples: int) -> int:
        """Whole batches in so many training samples, and one at least."""
        return max(1, samples // self.batch_size)


class StepsSpec(_Training):
    """A training whose durations are all in steps, as the loop takes it."""

    steps: Annotated[int, Field(ge=1)] = 1500
    sample_every: Annotated[int, Field(ge=0)] = 500


class TrainingSpec(_Training):
    """How each candidate is trained. An epoch is one pass over its training samples."""

    steps: Annotated[int, Field(ge=1)] | None = None
    """By default 1500, unless there are epochs."""
    epochs: Annotated[int, Field(ge=1)] | None = None
    """The duration in epochs, instead of `steps`."""
    sample_every: Interval = 500
    """Steps, or epochs, between two kept grids of samples; 0 keeps the last alone."""

    @model_validator(mode="before")
    @classmethod
    def _one_duration(cls, tree: object) -> object:
        if not isinstance(tree, Mapping):
            return tree
        if tree.get("steps") is not None and tree.get("epochs") is not None:
            raise ValueError("takes steps or epochs, not both")
        told = tree.get("steps") is not None or tree.get("epochs") is not None
        return tree if told else {**tree, "steps": 1500}

    def in_steps(self, samples: int) -> StepsSpec:
        """The same training for data of so many training samples."""
        epoch = self.steps_per_epoch(samples)
        told = self.model_dump(exclude={"epochs"})
        if self.epochs is not None:
            told["steps"] = self.epochs * epoch
        if isinstance(self.sample_every, str):
            told["sample_every"] = int(self.sample_every.split()[0]) * epoch
        return StepsSpec.model_validate(told)


class ObjectiveSpec(_Part):
    """A metric and the direction in which it is better."""

    metric: str
    direction: Literal["minimize", "maximize"]


class Bounds(_Part):
    """What a size may be at least and at most."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _some_bound(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a constraint needs min, max or both")
        return self

    def violation(self, value: float) -> float:
        """How far outside a value lies; 0 within."""
        over = value - self.max if self.max is not None else 0.0
        under = self.min - value if self.min is not None else 0.0
        return max(over, under, 0.0)


class SearchSpec(_Part):
    """How candidates are chosen, and how many."""

    sampler: Literal["shrink", "tpe", "nsga2", "random", "one-at-a-time"] = "tpe"
    """`shrink` walks down: it trains what is likeliest to enlarge the front, and takes up again what it set aside.

    `one-at-a-time` tries, for each searched field in turn, its other values with all else as in the baseline.
    """
    aim: Literal["front", "smallest"] = "front"
    """Good models of every size, or the smallest one within the certification's tolerance and nothing else.

    With the latter, what is no smaller than a certified champion is refused, and `shrink` proposes only what may
    be smaller than the smallest one so far.
    """
    trials: Annotated[int, Field(ge=1)] = 24
    """One at a time, all that there are to try where this is left out, and never more than those."""
    startup_trials: Annotated[int, Field(ge=1)] = 8
    """Candidates drawn at random before the sampler models anything."""
    levels: Annotated[int, Field(ge=2)] = 3
    """One at a time, values that are tried of a range: its ends, and others spread evenly between them."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    rescue: Literal["none", "suspect", "all"] = "none"
    """Which runs get a second one, with the first remedy that leaves the generator as it is: `all` means failed too."""

    @property
    def limit(self) -> int | None:
        """Trials at most, where the study itself says so."""
        return self.trials if "trials" in self.model_fields_set else None


class PruningSpec(_Part):
    """When a run that fails in nothing is given up: it will not reach what healthy ones that are no larger have."""

    rungs: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.06667, 0.13333, 0.33333, 0.66667)
    """Shares of the training after which the quality is measured and compared; empty, nothing is given up so."""
    noise: Annotated[float, Field(gt=0)] = 0.14
    """Relative standard deviation of the final quality between two seeds of one candidate.

    The default is that of the MMD over 50 candidates with three seeds (benchmarks/tabular/seeds.md).
    """
    margin: Annotated[float, Field(ge=0)] = 1.0
    """How many times the noise others must be better by."""
    min_healthy_trials: Annotated[int, Field(ge=1)] = 2
    """Healthy trials that must have shown how far runs improve from a rung before any is given up there."""


class CertificationSpec(_Part):
    """When a candidate is proven stable, and when it is as good as it must be to be the champion."""

    seeds: Annotated[int, Field(ge=1)] = 5
    """Fresh ones at most that a candidate is trained with."""
    required: Annotated[int, Field(ge=1)] = 4
    """Of those, how many must come out healthy."""
    tolerance: Annotated[float, Field(ge=0)] = 0.10
    """Share by which its quality may be worse; about the noise between two seeds."""
    tolerance_reference: Literal["baseline", "best"] = "baseline"
    """Than whose quality: that of the baseline as written, or of the best model found, whatever its size."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Of the lower bound of the share of seeds that come out healthy."""
    at_end: bool = True
    """Whether a search ends with it; `gansearch certify` does it at any time."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.required > self.seeds:
            raise ValueError(f"{self.required} healthy ones of {self.seeds} seeds can never be had")
        return self


class ResourcesSpec(_Part):
    """What Ray sets aside for each process of a candidate."""

    cpus: Annotated[int, Field(ge=1)] = 1
    """Cores, each with a thread."""
    gpus: Annotated[float, Field(ge=0)] = 0
    """0.25 has four candidates share a GPU, each of which waits until there is the memory that it takes."""

    @field_validator("gpus")
    @classmethod
    def _share_or_whole(cls, gpus: float) -> float:
        if gpus > 1 and not gpus.is_integer():
            raise ValueError("should be a share of one GPU, or a whole number of them")
        return gpus


class ExecutorSpec(_Part):
    """Where candidates are trained."""

    use: Literal["local", "ray"] = "local"
    """Processes on this machine, or Ray Tune: on this machine too, or on a cluster."""
    workers_per_candidate: Annotated[int, Field(ge=1)] = 1
    """Processes that train a candidate together, on one machine, each a share of every batch."""
    workers: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    """Candidates at a time; `auto` takes a core, or a GPU where there are any, for each process, as memory allows.

    On Ray, as many as the resources of one of them fit into all nodes. More of them than GPUs share these: each waits
    until there is the memory that it takes.
    """
    heartbeat_timeout: Annotated[float, Field(gt=0)] | None = 600.0
    """Seconds after which a trial that gives no sign of life is taken to hang and ended; null waits for ever."""
    address: Annotated[str, Field(pattern=r"^(auto|[^\s/]+:[0-9]+)$")] | None = None
    """On Ray, the cluster, as `host:port` or `auto` for the one that this machine is part of; null starts Ray here."""
    resources: ResourcesSpec = ResourcesSpec()
    """On Ray, what each process of a candidate gets."""
    storage_path: StoragePath | None = None
    """On Ray, the URL of a folder or an object store over which trials' files reach the run folder, from nodes that
    do not share it; null has every node write there itself.
    """


DistributionName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")]

GivenCandidate = Mapping[str, Mapping[str, JsonValue]]
"""Fields by role of a candidate that a study names outright."""


class StudySpec(_Part):
    """One search, as its file says it."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")
    requires: Mapping[DistributionName, Annotated[str, Field(min_length=1)]] = {}
    """Distributions whose components the study names, each with what to give to `pip install`."""
    dataset: ComponentNode
    generator: Architectures
    discriminator: Architectures
    loss: Architectures
    schedule: Architectures
    training: TrainingSpec = TrainingSpec()
    detectors: tuple[ComponentNode, ...] = (
        ComponentNode(use="divergence"),
        ComponentNode(use="convergence-failure"),
        ComponentNode(use="mode-collapse"),
    )
    objectives: Annotated[tuple[ObjectiveSpec, ...], Field(min_length=1)]
    reference: Mapping[str, float] = {}
    """By objective, the value from which the hypervolume is measured; by default the baseline gives it."""
    metrics: tuple[str, ...] = ("fid", "coverage")
    """Measured for the record besides the objectives."""
    constraints: Mapping[str, Bounds] = {}
    baseline: GivenCandidate = {}
    """What is not given here has its field's default."""
    queue: tuple[GivenCandidate, ...] = ()
    """Candidates that are tried right after the baseline, which they equal but for what is given."""
    pruning: PruningSpec = PruningSpec()
    certification: CertificationSpec = CertificationSpec()
    search: SearchSpec = SearchSpec()
    executor: ExecutorSpec = ExecutorSpec()
    storage: DatabaseUrl | None = None
    """The PostgreSQL database that keeps the trials, by URL; null keeps them in the run folder, in SQLite."""

    @model_validator(mode="after")
    def _objectives_differ(self) -> Self:
        names = [objective.metric for objective in self.objectives]
        if len(set(names)) < len(names):
            raise ValueError(f"two objectives name the same metric: {', '.join(names)}")
        return self

    @field_validator("reference")
    @classmethod
    def _reference_of_objectives(
        cls, reference: Mapping[str, float], known: ValidationInfo
    ) -> Mapping[str, float]:
        names = [objective.metric for objective in known.data.get("objectives", ())]
        if names and reference and {*reference} != {*names}:
            raise ValueError(f"should name every objective ({', '.join(names)}) and nothing else")
        return reference

    @field_serializer("storage")
    def _without_password(self, storage: str | None) -> str | None:
        return None if storage is None else without_password(storage)

    def resolved(self) -> dict[str, Any]:
        """The whole study with its defaults, as plain data, but for a password in the URL of its storage."""
        return self.model_dump(mode="json")

    def differences(self, other: StudySpec) -> list[str]:
        """What would make results of the two incomparable, as `path: this -> other`.

        The number of trials, what the search is after, the certification, the reference, the executor and where
        to install a plugin from may change between two runs of one study.
        """
        mine, theirs = (_flat(spec.resolved()) for spec in (self, other))
        search = (("search", "trials"), ("search", "aim"))
        for changeable in (
            *search,
            ("certification",),
            ("reference",),
            ("executor",),
            ("requires",),
        ):
            for flat in (mine, theirs):
                for place in [p for p in flat if p[: len(changeable)] == changeable]:
                    del flat[place]
        return [
            f"{'.'.join(map(str, place))}: {mine.get(place, '(absent)')} -> {theirs.get(place, '(absent)')}"
            for place in sorted(mine | theirs, key=str)
            if mine.get(place, "(absent)") != theirs.get(place, "(absent)")
        ]


def unshared(spec: StudySpec) -> list[Problem]:
    """Why so many processes cannot train a candidate of the study together."""
    workers, training, resources = (
        spec.executor.workers_per_candidate,
        spec.training,
        spec.executor.resources,
    )
    place: Place = ("executor", "workers_per_candidate")
    problems = []
    if workers > 1 and training.batch_size % workers:
        problems.append(
            Problem(
                place,
                f"{workers} processes cannot share training.batch_size: {training.batch_size} evenly",
            )
        )
    if workers > 1 and training.device.startswith("cuda:"):
        problems.append(
            Problem(
                place,
                f"{workers} processes need a GPU each, and training.device: {training.device} is one",
            )
        )
    if workers > 1 and training.graphs:
        message = (
            f"is for steps that one process takes alone, and {place[0]}.{place[1]} is {workers}"
        )
        problems.append(Problem(("training", "graphs"), message))
    if workers > 1 and resources.gpus % 1:
        message = f"{workers} processes need a GPU each, and executor.resources.gpus is {resources.gpus:g}"
        problems.append(Problem(place, message))
    return problems


def missing_distributions(tree: object) -> list[Problem]:
    """What a study requires and is not installed; looks at whatever can be understood of a tree."""
    requires = tree.get("requires") if isinstance(tree, Mapping) else None
    return [
        Problem(("requires", name), f"is not installed; pip install {source}")
        for name, source in (requires.items() if isinstance(requires, Mapping) else ())
        if isinstance(source, str) and not _is_installed(name)
    ]


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except (PackageNotFoundError, ValueError):  # the latter for names that no distribution can have
        return False
    return True


def _flat(tree: object, place: Place = ()) -> dict[Place, Any]:
    if isinstance(tree, Mapping) and tree:
        return {
            k: v for key, part in tree.items() for k, v in _flat(part, (*place, str(key))).items()
        }
    if isinstance(tree, (list, tuple)) and tree:
        return {k: v for i, part in enumerate(tree) for k, v in _flat(part, (*place, i)).items()}
    return {place: tree}
