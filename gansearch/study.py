"""The study file: YAML in, `StudySpec` out, every mistake with its line and column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError, model_validator

from gansearch.errors import Problem, StudyError

LARGEST_FILE = 1_000_000
"""Bytes: no study is larger, and a larger file is not read."""

Place = tuple[str | int, ...]
Marks = Mapping[Place, tuple[int, int]]


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


class StudyDocument:
    """A study file as written: its tree, and where in the file each part stands."""

    def __init__(self, tree: object, marks: Marks, source: str) -> None:
        self.tree = tree
        self.source = source
        self._marks = marks

    @classmethod
    def read(cls, path: Path, overrides: Sequence[str] = ()) -> Self:
        """Parse a file; `overrides` are `key.path=value` as on the command line.

        Raises:
            StudyError: when it is missing, too large, no YAML, or has duplicate keys or aliases.
        """
        try:
            if path.stat().st_size > LARGEST_FILE:
                raise StudyError([Problem((), f"larger than {LARGEST_FILE} bytes")], str(path))
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise StudyError([Problem((), f"cannot be read: {error}")], str(path)) from None
        return cls.parse(text, str(path), overrides)

    @classmethod
    def parse(cls, text: str, source: str = "study", overrides: Sequence[str] = ()) -> Self:
        """As `read`, from text."""
        problems: list[Problem] = []
        marks: dict[Place, tuple[int, int]] = {}
        try:
            _refuse_aliases(text)
            root = yaml.compose(text, Loader=yaml.SafeLoader)
            tree = _construct(root, (), marks, problems) if root is not None else {}
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise StudyError([Problem((), f"no YAML: {error.problem}", line, column)], source) from None
        except (yaml.YAMLError, RecursionError) as error:
            raise StudyError([Problem((), f"no YAML: {error}", 1, 1)], source) from None
        if problems:
            raise StudyError(problems, source)
        for override in overrides:
            _override(tree, override)
        return cls(tree, marks, source)

    def spec(self) -> StudySpec:
        """Validate what pydantic can see; components are validated by the search space.

        Raises:
            StudyError: with every mistake found.
        """
        try:
            return StudySpec.model_validate(self.tree)
        except ValidationError as error:
            raise self.error(problems_of(error)) from None

    def error(self, problems: Sequence[Problem]) -> StudyError:
        """The same problems, each with its place in the file."""
        located = {(p.where, p.message): self._locate(p) for p in problems}
        return StudyError(sorted(located.values(), key=lambda p: (p.line or 0, p.column or 0)), self.source)

    def _locate(self, problem: Problem) -> Problem:
        # A single architecture stands in the file without the list that validation puts around it.
        for where in (problem.where, tuple(part for part in problem.where if part != 0)):
            if where in self._marks:
                return Problem(where, problem.message, *self._marks[where])
        where = tuple(part for part in problem.where if part != 0)
        while where and where not in self._marks:
            where = where[:-1]
        return Problem(problem.where, problem.message, *self._marks.get(where, (1, 1)))


def problems_of(error: ValidationError, prefix: Place = ()) -> list[Problem]:
    """Pydantic's findings in our words: rule and value, at a place."""
    return [Problem(prefix + tuple(found["loc"]), _rule(found)) for found in error.errors()]


def _rule(found: Any) -> str:
    if found["type"] == "extra_forbidden":
        return "there is no such key"
    if found["type"] == "missing":
        return "is missing"
    message = str(found["msg"]).removeprefix("Value error, ")
    if isinstance(found["input"], (str, int, float, bool, type(None))):
        message += f", got {found['input']!r}"
    return message[0].lower() + message[1:]


def _refuse_aliases(text: str) -> None:
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            mark: Any = event.start_mark
            raise yaml.MarkedYAMLError(problem="aliases are not allowed in a study", problem_mark=mark)


def _construct(node: yaml.Node, place: Place, marks: dict[Place, tuple[int, int]], problems: list[Problem]) -> Any:
    """Build plain data from a node, marking where each part begins."""
    marks.setdefault(place, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.SequenceNode):
        return [_construct(item, (*place, i), marks, problems) for i, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return _construct_scalar(node)
    mapping: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = _construct_scalar(key_node)
        line, column = key_node.start_mark.line + 1, key_node.start_mark.column + 1
        if not isinstance(key, str):
            problems.append(Problem(place, f"a key must be a string, got {key!r}", line, column))
            continue
        if key in mapping:
            problems.append(Problem((*place, key), "the key stands here a second time", line, column))
            continue
        marks[(*place, key)] = (line, column)
        mapping[key] = _construct(value_node, (*place, key), marks, problems)
    return mapping


def _construct_scalar(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    value = loader.construct_object(node, deep=True)
    # Dates have no place in a study, and would not survive its JSON.
    return value if isinstance(value, (str, int, float, bool, type(None))) else node.value


def _override(tree: object, override: str) -> None:
    path, separator, text = override.partition("=")
    if not separator or not path:
        raise StudyError([Problem((), f"an override is written key=value, got {override!r}")], "--set")
    *parents, last = path.split(".")
    node = tree
    for i, key in enumerate(parents):
        if isinstance(node, dict):
            node = node.setdefault(key, {})
        elif isinstance(node, list) and key.isdigit() and int(key) < len(node):
            node = node[int(key)]
        else:
            raise StudyError([Problem((), f"{'.'.join(parents[:i])} holds no {key!r}")], "--set")
    value = StudyDocument.parse(text or "null", "--set").tree
    if isinstance(node, dict):
        node[last] = value
    elif isinstance(node, list) and last.isdigit() and int(last) < len(node):
        node[int(last)] = value
    else:
        raise StudyError([Problem((), f"{'.'.join(parents)} holds no {last!r}")], "--set")


def _flat(tree: object, place: Place = ()) -> dict[Place, Any]:
    if isinstance(tree, Mapping) and tree:
        return {k: v for key, part in tree.items() for k, v in _flat(part, (*place, str(key))).items()}
    if isinstance(tree, (list, tuple)) and tree:
        return {k: v for i, part in enumerate(tree) for k, v in _flat(part, (*place, i)).items()}
    return {place: tree}
