"""A study's teacher: its weights by value, what they are of, and the copy of both in a run folder.

Run folders and bundles may come from anybody, so nothing in them is unpickled or imported: weights
are safetensors, settings JSON, and a component that is a class of a file is refused.

RUN/teacher/teacher.json                 the study and trial that it is of, and its components
            generator.safetensors        weights of the generator
            discriminator.safetensors    weights of the discriminator, if students train by them
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self, cast

import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from torch import nn

from gansearch.candidate import Candidate
from gansearch.component_file import is_file_reference
from gansearch.components import Data, Discriminator, Generator, Loss, SampleFormat
from gansearch.errors import GansearchError, PluginError
from gansearch.evaluation.counting import count_parameters
from gansearch.files import LinkError, refuse_links
from gansearch.registry import Registry
from gansearch.signals import FAILURES
from gansearch.study.teacher_spec import (
    DISCRIMINATOR,
    FOLDER,
    GENERATOR,
    RECORD,
    Digest,
    TeacherSpec,
)
from gansearch.study.yaml_file import StudyDocument

PARTS = ("generator", "discriminator", "loss")
"""Roles of the teacher's components that students may use."""
LARGEST_JSON = 1_000_000
"""Bytes of a JSON file; a larger one is none of ours."""
SAME_LATENTS = ("pixel", "feature")
"""Distillation terms that compare samples of the same latents."""


class TeacherError(GansearchError):
    """A teacher that is missing, damaged or another one than before, or that does not fit."""

    def __init__(self, message: str, key: str = "") -> None:
        """Create an error; `key` is the key of the section `teacher` that is to blame."""
        super().__init__(message)
        self.key = key


class TeacherRecord(BaseModel):
    """Content of teacher.json."""

    model_config = ConfigDict(frozen=True)

    study: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
    trial: int
    parameters: int = 0
    """Parameters of the generator."""
    sha256: Digest
    discriminator_sha256: Digest | None = None
    dataset: str
    """Source of the data that it was trained on."""
    dataset_sha256: str
    format: SampleFormat
    components: Mapping[str, Mapping[str, Any]]
    """Components by role, as a candidate has them."""


@dataclass(frozen=True)
class Teacher:
    """A trained generator, and the discriminator that it was trained with where that was kept."""

    record: TeacherRecord
    weights: bytes = field(repr=False)
    """Weights of the generator as safetensors."""
    discriminator_weights: bytes | None = field(default=None, repr=False)
    """The same of the discriminator; None where they were not kept, or are not needed."""

    @cached_property
    def generator(self) -> Generator:
        """Component of the generator."""
        return cast(Generator, self._component("generator"))

    @cached_property
    def discriminator(self) -> Discriminator:
        """Component of the discriminator."""
        return cast(Discriminator, self._component("discriminator"))

    @cached_property
    def loss(self) -> Loss:
        """Loss that it was trained with."""
        return cast(Loss, self._component("loss"))

    def _component(self, role: str) -> Any:
        """Make one of its components.

        Raises:
            TeacherError: when it is not installed, is a class of a file, or refuses its fields.
        """
        try:
            fields = dict(self.record.components[role])
            use = fields.pop("use")
            if is_file_reference(use):
                raise TeacherError(
                    f"the {role} of {self} is a class of a file ({Path(use).name}), which is not "
                    "imported for a teacher, since run folders may come from anybody; make the "
                    "class a plugin (gansearch plugins new)"
                )
            return Registry().load(role, use).model_validate(fields)
        except (PluginError, KeyError, TypeError, ValidationError) as error:
            raise TeacherError(f"the {role} of {self} cannot be made: {error}") from None

    def networks(self) -> tuple[nn.Module, nn.Module | None]:
        """Build generator and discriminator on torch's default device, with their first weights.

        The discriminator is None where its weights were not kept.
        """
        shape = self.record.format.shape
        generator = self.generator.build(shape)
        if self.discriminator_weights is None:
            return generator, None
        return generator, self.discriminator.matched(generator, shape).build(shape)

    def __str__(self) -> str:
        return f"trial {self.record.trial} of {self.record.study}"

    @property
    def stamp(self) -> dict[str, Any]:
        """Return what a student's figures say of it."""
        return {name: getattr(self.record, name) for name in ("study", "trial", "parameters")} | {
            "sha256": self.record.sha256
        }

    # ------------------------------------------------------------------ checks

    def refusal(self, candidate: Candidate) -> str:
        """Return why a candidate cannot be its student; empty if it can."""
        if candidate.teacher is None:
            return ""
        if candidate.generator.feeds_on == "samples":
            return "an autoencoder cannot be a student: it makes samples of samples, not of latents"
        phases = candidate.schedule.phases(steps_per_epoch=1)
        if not any(phase.objective == "generate" for phase in phases):
            return (
                "the distillation term is part of the objective `generate`, which the schedule "
                f"{candidate.uses['schedule']!r} does not name"
            )
        term = candidate.teacher.distill
        if term not in SAME_LATENTS:
            return ""
        own, others = self.generator.latent, candidate.generator.latent
        if others < own:
            return (
                f"distill: {term} gives the teacher the first {own} values of a student's latents, "
                f"and generator.latent is {others}; take {own} or more, or distill: mmd"
            )
        for kind in (self.generator, candidate.generator):
            if type(kind).draw_latents is not Generator.draw_latents:
                return (
                    f"distill: {term} needs standard normal latents, and {type(kind).__name__} "
                    "draws its own; take distill: mmd"
                )
        return ""

    def check_data(self, data: Data) -> None:
        """Check that it was trained on a study's data.

        Raises:
            TeacherError: when shape, range of values or content differ.
        """
        own = self.record.format
        if (own.shape, own.is_image) != (data.shape, data.is_image):
            sides = [" x ".join(map(str, shape)) for shape in (own.shape, data.shape)]
            raise TeacherError(f"{self} makes samples of {sides[0]}, and the data are {sides[1]}")
        if own.value_range != data.value_range:
            raise TeacherError(
                f"{self} was trained on values {own.value_range}, and the data have "
                f"{data.value_range}"
            )
        if self.record.dataset_sha256 != data.digest:
            raise TeacherError(
                f"{self} was trained on other data: {self.record.dataset} (sha256 "
                f"{self.record.dataset_sha256[:12]}), not {data.source} ({data.digest[:12]})"
            )

    def _checked(self) -> Self:
        """Return it with its parameters counted, after checking that its weights fit.

        Raises:
            TeacherError: if they do not, or a component cannot be made.
        """
        if self.generator.feeds_on == "samples":
            raise TeacherError(f"{self} is an autoencoder, which makes no samples of latents")
        try:
            with torch.device("meta"):
                generator, discriminator = self.networks()
            for network, weights in (
                (generator, self.weights),
                (discriminator, self.discriminator_weights),
            ):
                if network is not None and weights is not None:
                    network.load_state_dict(safetensors.torch.load(weights), assign=True)
        except (ValueError, RuntimeError, SafetensorError) as error:
            raise TeacherError(f"the weights of {self} do not fit its networks: {error}") from None
        parameters = count_parameters(generator).total
        return replace(self, record=self.record.model_copy(update={"parameters": parameters}))

    # ------------------------------------------------------------------ files

    def files(self) -> dict[str, bytes]:
        """Return its files by name, as a run folder keeps them."""
        files = {GENERATOR: self.weights}
        if self.discriminator_weights is not None:
            files[DISCRIMINATOR] = self.discriminator_weights
        return files | {RECORD: self.record.model_dump_json(indent=1).encode()}

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the copy that a run folder keeps.

        Raises:
            TeacherError: if it is damaged.
        """
        _refuse_links(folder)
        try:
            record = TeacherRecord.model_validate(_json(folder / RECORD))
        except ValidationError as error:
            raise TeacherError(f"{folder / RECORD} is damaged: {error}") from None
        weights = _weights(folder / GENERATOR, record.sha256)
        others = None
        if record.discriminator_sha256 is not None:
            others = _weights(folder / DISCRIMINATOR, record.discriminator_sha256)
        return cls(record, weights, others)._checked()


def load_teacher(spec: TeacherSpec, study: Path) -> tuple[Teacher, TeacherSpec]:
    """Load the teacher of a study, and return it with the section that holds its digests.

    The copy of a run folder is used if the study is that of the run, so that neither `resume` nor
    `certify` needs the place that the teacher came from.

    Args:
        spec: the section, with absolute paths.
        study: the study file.

    Raises:
        TeacherError: if it is missing, damaged or another one than the section's digests say, or
            keeps no discriminator where a term needs it.
    """
    copy = study.parent / FOLDER
    if spec.sha256 is not None and study.name == "study.yaml" and (copy / RECORD).is_file():
        teacher = Teacher.read(copy)
    elif spec.run is not None:
        teacher = _of_trial(Path(spec.run), spec.trial or 0)
    else:
        teacher = _of_bundle(Path(spec.bundle or ""))
    if "adversarial" not in spec.terms:
        record = teacher.record.model_copy(update={"discriminator_sha256": None})
        teacher = Teacher(record, teacher.weights)
    elif teacher.discriminator_weights is None:
        raise TeacherError(
            f"adversarial needs the teacher's discriminator, and {teacher} keeps none: bundles "
            "have none, nor trials of earlier versions; name a run, or another term",
            "distill",
        )
    for key in ("sha256", "discriminator_sha256"):
        known, found = getattr(spec, key), getattr(teacher.record, key)
        if known not in (None, found):
            raise TeacherError(
                f"the weights of {teacher} have changed: they have the digest {found}; restore "
                "them, or give the study another name",
                key,
            )
    record = teacher.record
    digests = {"sha256": record.sha256, "discriminator_sha256": record.discriminator_sha256}
    return teacher, spec.model_copy(update=digests)


def _of_trial(run: Path, number: int) -> Teacher:
    """Read a teacher from the run folder of another study."""
    if not run.exists():
        raise TeacherError(
            f"there is no {run}, here or beside the study file; a run that has begun keeps a copy "
            "of its teacher, and goes on with: gansearch resume RUN",
            "run",
        )
    for name in ("gansearch.json", "study.yaml"):
        if not (run / name).is_file():
            raise TeacherError(f"{run} is not a run folder: it has no {name}", "run")
    folder = run / "trials" / f"{number:04d}"
    _refuse_links(run, ("trials", f"trials/{number:04d}", "study.yaml", "data.json"))
    _refuse_links(folder)
    if not folder.is_dir():
        known = sorted(int(path.name) for path in run.glob("trials/[0-9]*"))
        listed = f"it has {known[0]} to {known[-1]}" if known else "it has none"
        raise TeacherError(f"{run} has no trial {number}; {listed}", "trial")
    if _status(folder / "rescue") == "healthy":
        folder = folder / "rescue"  # the run that the trial's figures are of
    if not (folder / GENERATOR).is_file():
        raise TeacherError(
            f"trial {number} of {run} has no weights: it did not come to the end of its training",
            "trial",
        )
    if (status := _status(folder)) in FAILURES:
        raise TeacherError(
            f"trial {number} of {run} cannot be a teacher: its verdict is {status}", "trial"
        )
    tree: Any = StudyDocument.read(run / "study.yaml").tree
    data = _json(run / "data.json")
    candidate = _json(folder / "candidate.json")
    weights = _weights(folder / GENERATOR)
    others = _weights(folder / DISCRIMINATOR) if (folder / DISCRIMINATOR).is_file() else None
    try:
        record = TeacherRecord.model_validate(
            {
                "study": tree["name"],
                "trial": number,
                "sha256": _digest(weights),
                "discriminator_sha256": None if others is None else _digest(others),
                "dataset": data["source"],
                "dataset_sha256": data["digest"],
                "format": _json(folder / "data.json"),
                "components": {role: candidate[role] for role in PARTS},
            }
        )
    except (ValidationError, KeyError, TypeError) as error:
        raise TeacherError(f"trial {number} of {run} is damaged: {error}", "trial") from None
    return Teacher(record, weights, others)._checked()


def _of_bundle(bundle: Path) -> Teacher:
    """Read a teacher from a bundle."""
    if not (bundle / "bundle.json").is_file():
        raise TeacherError(f"{bundle} is not a bundle: it has no bundle.json", "bundle")
    _refuse_links(bundle)
    manifest, metrics = _json(bundle / "bundle.json"), _json(bundle / "metrics.json")
    candidate = _json(bundle / "candidate.json")
    try:
        weights = _weights(bundle / GENERATOR, manifest["files"][GENERATOR])
        data = metrics["protocol"]["dataset"]
        record = TeacherRecord.model_validate(
            {
                "study": manifest["study"],
                "trial": manifest["trial"],
                "sha256": _digest(weights),
                "dataset": data["source"],
                "dataset_sha256": data["sha256"],
                "format": manifest["output"],
                "components": {role: candidate[role] for role in PARTS},
            }
        )
    except (ValidationError, KeyError, TypeError) as error:
        raise TeacherError(f"{bundle} is damaged: {type(error).__name__}: {error}") from None
    return Teacher(record, weights)._checked()


def _status(folder: Path) -> str:
    """Return the verdict that a trial's folder keeps; empty if there is none."""
    if not (folder / "verdict.json").is_file():
        return ""
    return str(_json(folder / "verdict.json").get("verdict"))


def _json(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(LARGEST_JSON))
    except (OSError, ValueError, RecursionError) as error:
        raise TeacherError(f"{path} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise TeacherError(f"{path} cannot be read: it holds no object")
    return content


def _weights(path: Path, sha256: str | None = None) -> bytes:
    """Return a file of weights that has the given digest, or else that of the file beside it."""
    try:
        content = path.read_bytes()
        if sha256 is None:
            sha256 = path.with_name(f"{path.name}.sha256").read_text(encoding="ascii").split()[0]
    except (OSError, ValueError, IndexError) as error:
        raise TeacherError(f"{path} cannot be read: {error}") from None
    if _digest(content) != sha256:
        raise TeacherError(f"{path} is damaged: it does not match its SHA-256")
    return content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _refuse_links(folder: Path, names: tuple[str, ...] | None = None) -> None:
    try:
        refuse_links(folder, names)
    except LinkError as error:
        raise TeacherError(str(error)) from None
