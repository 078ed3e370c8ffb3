"""Teachers read from a run, from a bundle, or from the copy that a run folder keeps.

Run folders and bundles may come from anybody, so nothing in them is unpickled or imported: weights
are safetensors, settings JSON, and a component that is a class of a file is refused.

RUN/teacher/teacher.json                 the study and trial that it is of, and its components
            generator.safetensors        weights of the generator
            discriminator.safetensors    weights of the discriminator, if students train by them
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gansearch.files import LinkError, load_json_with_digest, refuse_links
from gansearch.signals import FAILURES
from gansearch.study.teacher import Teacher, TeacherError, TeacherRecord
from gansearch.study.teacher_spec import DISCRIMINATOR, FOLDER, GENERATOR, RECORD, TeacherSpec
from gansearch.study.yaml_file import StudyDocument

PARTS = ("generator", "discriminator", "loss")
"""Roles of the teacher's components that students may use."""
LARGEST_JSON = 1_000_000
"""Bytes of a JSON file; a larger one is none of ours."""


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
        teacher = read_copy(copy)
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


def read_copy(folder: Path) -> Teacher:
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
    return Teacher(record, weights, others).checked()


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
    return Teacher(record, weights, others).checked()


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
    return Teacher(record, weights).checked()


def _status(folder: Path) -> str:
    """Return the verdict that a trial's folder keeps; empty if there is none."""
    if not (folder / "verdict.json").is_file():
        return ""
    return str(_json(folder / "verdict.json").get("verdict"))


def _json(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return load_json_with_digest(file.read(LARGEST_JSON))
    except OSError as error:
        raise TeacherError(f"{path} cannot be read: {error}") from None
    except ValueError as error:
        raise TeacherError(f"{path} is damaged: {error}") from None


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
