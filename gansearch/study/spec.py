"""A study file as validated: what is searched, how it is trained and what it is judged by."""

from __future__ import annotations

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

from gansearch.component_file import content_reference
from gansearch.components import SizeMetric
from gansearch.errors import Place, PluginError, Problem
from gansearch.registry import Registry
from gansearch.study.executor_spec import ExecutorSpec, ResourcesSpec
from gansearch.study.search_spec import CertificationSpec, PruningSpec, SearchSpec
from gansearch.study.section import Section
from gansearch.study.teacher_spec import TeacherSpec
from gansearch.study.training_spec import StepsSpec, TrainingSpec
from gansearch.study.urls import DatabaseUrl, without_password

__all__ = [
    "Architectures",
    "Bounds",
    "CertificationSpec",
    "ComponentNode",
    "ExecutorSpec",
    "GivenCandidate",
    "ObjectiveSpec",
    "PruningSpec",
    "ResourcesSpec",
    "SearchSpec",
    "StepsSpec",
    "StudySpec",
    "TeacherSpec",
    "TrackerName",
    "TrainingSpec",
    "data_parallel_problems",
    "missing_distributions",
]


class ComponentNode(BaseModel):
    """`use` names a component; the other keys are its fields, each a value or a domain."""

    model_config = ConfigDict(frozen=True, extra="allow", use_attribute_docstrings=True)

    use: str
    """Name of the component."""
    search: bool = False
    """Search every field that has a domain of its own and no value or domain here."""

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, node: object) -> object:
        """Take a text for the name of a component, as in `loss: bce`."""
        return {"use": node} if isinstance(node, str) else node

    @property
    def fields(self) -> dict[str, Any]:
        """Every key but `use` and `search`."""
        return dict(self.model_extra or {})


def _as_list(node: object) -> object:
    return node if isinstance(node, list) else [node]


Architectures = Annotated[tuple[ComponentNode, ...], BeforeValidator(_as_list), Field(min_length=1)]
"""One component, or a list of components to choose among."""


class ObjectiveSpec(Section):
    """A metric and the direction in which it improves."""

    metric: str
    """Name of the metric."""
    direction: Literal["minimize", "maximize"]
    """Direction in which the metric improves; by default the one that the metric has."""

    @model_validator(mode="before")
    @classmethod
    def _with_direction(cls, node: object) -> object:
        """Take a text for a metric, and a direction that is missing from the metric's class."""
        if isinstance(node, str):
            node = {"metric": node}
        if (
            not isinstance(node, Mapping)
            or "direction" in node
            or not isinstance(name := node.get("metric"), str)
        ):
            return node
        try:
            metric: Any = Registry().load("metric", name)
        except PluginError:  # reported with the study's components
            return {**node, "direction": "minimize"}
        return {**node, "direction": metric.direction}


class Bounds(Section):
    """Bounds of a size; at least one of them is needed."""

    min: float | None = None
    """Smallest allowed size."""
    max: float | None = None
    """Largest allowed size."""

    @model_validator(mode="after")
    def _check_bounded(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a constraint needs min, max or both")
        return self

    def violation(self, value: float) -> float:
        """Return the distance of a value from the nearest bound; 0 within the bounds.

        >>> Bounds(max=100).violation(130)
        30.0
        """
        over = value - self.max if self.max is not None else 0.0
        under = self.min - value if self.min is not None else 0.0
        return float(max(over, under, 0.0))


DistributionName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$")]

TrackerName = Literal["tensorboard", "mlflow", "wandb", "trackio"]


def _as_fields(node: object) -> object:
    return {"use": node} if isinstance(node, str) else node


GivenFields = Annotated[Mapping[str, JsonValue], BeforeValidator(_as_fields)]
GivenCandidate = Mapping[str, GivenFields]
"""Fields by role of a candidate that a study names itself."""


class StudySpec(Section):
    """One search, as its file describes it."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")
    """Name of the study and of its run folder."""
    requires: Mapping[DistributionName, Annotated[str, Field(min_length=1)]] = {}
    """Distributions that the study needs, each with the argument for `pip install`."""
    dataset: ComponentNode
    """Data set to learn."""
    generator: Architectures
    """Generator, or a list of generators to choose among."""
    discriminator: Architectures
    """Discriminator, or a list of discriminators to choose among."""
    loss: Architectures
    """Loss of both networks, or a list of losses to choose among."""
    schedule: Architectures
    """Schedule of the updates of both networks, or a list of schedules to choose among."""
    teacher: TeacherSpec | None = None
    """Trained generator that all candidates learn from besides; null for none."""
    training: TrainingSpec = TrainingSpec()
    """Training of each candidate."""
    detectors: tuple[ComponentNode, ...] = (
        ComponentNode(use="divergence"),
        ComponentNode(use="convergence-failure"),
        ComponentNode(use="mode-collapse"),
    )
    """Detectors that give the verdict on a run."""
    extractor: ComponentNode | None = None
    """Network whose features samples are compared by; null for the one that suits the data best."""
    objectives: Annotated[tuple[ObjectiveSpec, ...], Field(min_length=1)]
    """Metrics that trials are ranked by, usually a size and a quality."""
    reference: Mapping[str, float] = {}
    """Reference point of the hypervolume, by objective; derived from the baseline by default."""
    metrics: tuple[str, ...] = ("fid", "coverage")
    """Metrics to measure and record besides the objectives."""
    constraints: Mapping[str, Bounds] = {}
    """Bounds of sizes; candidates outside of them are rejected before training."""
    baseline: Mapping[str, GivenFields] = {}
    """Candidate of trial 0, by role.

    A field that is not given has its default, or, where that is not searched, the largest whole
    number or the nearest number that is.
    """
    queue: tuple[GivenCandidate, ...] = ()
    """Candidates to train after the baseline, each as its differences from the baseline."""
    pruning: PruningSpec = PruningSpec()
    """Rule by which runs are stopped or paused at rungs."""
    certification: CertificationSpec = CertificationSpec()
    """Training with fresh seeds that decides whether a candidate is stable."""
    search: SearchSpec = Field(SearchSpec(), validate_default=True)
    """Sampler and number of trials."""
    executor: ExecutorSpec = ExecutorSpec()
    """Executor that trains the candidates."""
    trackers: tuple[TrackerName, ...] = ()
    """Experiment trackers that every signal, sample and verdict is written to as well."""
    storage: DatabaseUrl | None = None
    """URL of the PostgreSQL database of the trials; null keeps them in SQLite in the run folder."""

    @field_validator("objectives")
    @classmethod
    def _check_objectives_differ(
        cls, objectives: tuple[ObjectiveSpec, ...]
    ) -> tuple[ObjectiveSpec, ...]:
        names = [objective.metric for objective in objectives]
        if len(set(names)) < len(names):
            raise ValueError(f"two objectives name the same metric: {', '.join(names)}")
        return objectives

    @field_validator("reference")
    @classmethod
    def _check_reference(
        cls, reference: Mapping[str, float], known: ValidationInfo
    ) -> Mapping[str, float]:
        names = [objective.metric for objective in known.data.get("objectives", ())]
        if names and reference and {*reference} != {*names}:
            raise ValueError(f"should name every objective ({', '.join(names)}) and nothing else")
        return reference

    @field_validator("search")
    @classmethod
    def _with_sampler(cls, search: SearchSpec, known: ValidationInfo) -> SearchSpec:
        """Choose the sampler by the objectives where the study names none."""
        if "sampler" in search.model_fields_set:
            return search
        kinds = [
            (_is_size(objective.metric), objective.direction)
            for objective in known.data.get("objectives", ())
        ]
        sizes = [direction for is_size, direction in kinds if is_size]
        sampler = "shrink" if len(kinds) == 2 and sizes == ["minimize"] else "tpe"
        return search.model_copy(update={"sampler": sampler})

    @field_serializer("storage")
    def _without_password(self, storage: str | None) -> str | None:
        return None if storage is None else without_password(storage)

    def resolved(self) -> dict[str, Any]:
        """Return the study with its defaults as plain data, without the storage's password."""
        return self.model_dump(mode="json")

    def differences(self, other: StudySpec) -> list[str]:
        """List changes that make the results of two studies incomparable, as `path: this -> other`.

        The number of trials, their time, the aim, the certification, the reference, the executor,
        the trackers and the source of a plugin may change between two runs of one study.
        """
        mine, theirs = (_comparable(spec.resolved()) for spec in (self, other))
        return [
            f"{'.'.join(map(str, place))}: "
            f"{mine.get(place, '(absent)')} -> {theirs.get(place, '(absent)')}"
            for place in sorted(mine | theirs, key=str)
            if mine.get(place, "(absent)") != theirs.get(place, "(absent)")
        ]


def _is_size(metric: str) -> bool:
    """Return True for a metric that counts networks; an unknown one is reported elsewhere."""
    try:
        return issubclass(Registry().load("metric", metric), SizeMetric)
    except PluginError:
        return False


CHANGEABLE: tuple[Place, ...] = (
    ("search", "trials"),
    ("search", "aim"),
    ("search", "timeout"),
    ("certification",),
    ("reference",),
    ("executor",),
    ("requires",),
    ("trackers",),
)
"""Parts of a study that may differ between two runs of it."""


def _comparable(tree: object, place: Place = ()) -> dict[Place, Any]:
    """Flatten a study to values by place, without its changeable parts."""
    if place in CHANGEABLE:
        return {}
    if isinstance(tree, Mapping) and tree:
        parts = [((*place, str(key)), part) for key, part in tree.items()]
    elif isinstance(tree, (list, tuple)) and tree:
        parts = [((*place, i), part) for i, part in enumerate(tree)]
    else:
        return {place: content_reference(tree) if isinstance(tree, str) else tree}
    return {k: v for inner, part in parts for k, v in _comparable(part, inner).items()}


def data_parallel_problems(executor: ExecutorSpec, training: TrainingSpec) -> list[Problem]:
    """List what prevents `executor.workers_per_candidate` processes from training together."""
    workers = executor.workers_per_candidate
    if workers == 1:
        return []
    place: Place = ("executor", "workers_per_candidate")
    messages = []
    if training.batch_size % workers:
        messages.append(
            f"{workers} processes cannot share training.batch_size: {training.batch_size} evenly"
        )
    if training.device.startswith("cuda:"):
        messages.append(
            f"{workers} processes need a GPU each, and training.device: {training.device} is one"
        )
    gpus = executor.resources.gpus
    if gpus % 1:
        messages.append(
            f"{workers} processes need a GPU each, and executor.resources.gpus is {gpus:g}"
        )
    problems = [Problem(place, message) for message in messages]
    if training.graphs:
        message = f"needs executor.workers_per_candidate: 1, got {workers}"
        problems.append(Problem(("training", "graphs"), message))
    return problems


def missing_distributions(tree: object) -> list[Problem]:
    """List the distributions that a study requires and that are not installed.

    Args:
        tree: the content of a study file, valid or not.
    """
    requires = tree.get("requires") if isinstance(tree, Mapping) else None
    if not isinstance(requires, Mapping):
        return []
    problems = []
    for name, source in requires.items():
        try:
            distribution(name)
        except (PackageNotFoundError, ValueError):  # ValueError: no distribution can have this name
            if isinstance(source, str):
                message = f"is not installed; pip install {source}"
                problems.append(Problem(("requires", name), message))
    return problems
