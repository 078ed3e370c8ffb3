"""A study as validated: what is searched, how it is trained, what it is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from gansearch.errors import Place


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


class TrainingSpec(_Part):
    """How each candidate is trained."""

    steps: Annotated[int, Field(ge=1)] = 1500
    batch_size: Annotated[int, Field(ge=2)] = 64
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$")
    read_every: Annotated[int, Field(ge=1)] = 10
    """Steps between two looks at the signals, which wait on the device until then."""
    sample_every: Annotated[int, Field(ge=0)] = 500
    """Steps between two kept grids of samples; 0 keeps the last alone."""
    checkpoint_every: Annotated[int, Field(ge=0)] = 500
    """Steps between two checkpoints from which an interrupted run goes on; 0 keeps none."""
    judged_samples: Annotated[int, Field(ge=10)] = 2000
    """Generated samples on which the metrics are measured, and test samples at most."""


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

    sampler: Literal["tpe", "nsga2", "random"] = "tpe"
    trials: Annotated[int, Field(ge=1)] = 24
    startup_trials: Annotated[int, Field(ge=1)] = 8
    """Candidates drawn at random before the sampler models anything."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0


class CertificationSpec(_Part):
    """When a smaller candidate is as good as the baseline."""

    tolerance: Annotated[float, Field(ge=0)] = 0.10
    """Share by which its quality may be worse; about the noise between two seeds."""


class LocalExecutorSpec(_Part):
    """Processes on this machine."""

    use: Literal["local"] = "local"
    workers: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    """Candidates at a time; `auto` takes one a core, or one a GPU where there are any, as memory allows."""


GivenCandidate = Mapping[str, Mapping[str, JsonValue]]
"""Fields by role of a candidate that a study names outright."""


class StudySpec(_Part):
    """One search, as its file says it."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")
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
    metrics: tuple[str, ...] = ("fid", "coverage")
    """Measured for the record besides the objectives."""
    constraints: Mapping[str, Bounds] = {}
    baseline: GivenCandidate = {}
    """What is not given here has its field's default."""
    queue: tuple[GivenCandidate, ...] = ()
    """Candidates that are tried right after the baseline, which they equal but for what is given."""
    certification: CertificationSpec = CertificationSpec()
    search: SearchSpec = SearchSpec()
    executor: LocalExecutorSpec = LocalExecutorSpec()

    @model_validator(mode="after")
    def _objectives_differ(self) -> Self:
        names = [objective.metric for objective in self.objectives]
        if len(set(names)) < len(names):
            raise ValueError(f"two objectives name the same metric: {', '.join(names)}")
        return self

    def resolved(self) -> dict[str, Any]:
        """The whole study with its defaults, as plain data."""
        return self.model_dump(mode="json")

    def differences(self, other: StudySpec) -> list[str]:
        """What would make results of the two incomparable, as `path: this -> other`.

        The number of trials and the executor may change between two runs of one study.
        """
        mine, theirs = (_flat(spec.resolved()) for spec in (self, other))
        for changeable in (("search", "trials"), ("executor",)):
            for flat in (mine, theirs):
                for place in [p for p in flat if p[: len(changeable)] == changeable]:
                    del flat[place]
        return [
            f"{'.'.join(map(str, place))}: {mine.get(place, '(absent)')} -> {theirs.get(place, '(absent)')}"
            for place in sorted(mine | theirs, key=str)
            if mine.get(place, "(absent)") != theirs.get(place, "(absent)")
        ]


def _flat(tree: object, place: Place = ()) -> dict[Place, Any]:
    if isinstance(tree, Mapping) and tree:
        return {k: v for key, part in tree.items() for k, v in _flat(part, (*place, str(key))).items()}
    if isinstance(tree, (list, tuple)) and tree:
        return {k: v for i, part in enumerate(tree) for k, v in _flat(part, (*place, i)).items()}
    return {place: tree}
