"""Flipped bits in the files of a finished run and of the user's cache: told, mended or harmless."""

from __future__ import annotations

import os
import random
import shutil
import traceback
from functools import cached_property
from pathlib import Path

from command import Called, call

KINDS = {
    "study.db": ("study.db",),
    "parquet": ("**/*.parquet",),
    "weights": ("**/*.safetensors", "**/*.sha256"),
    "json": ("**/*.json",),
    "yaml": ("study.yaml", "champion/study.yaml"),
    "cache": ("cache/**/*.*",),
    "teacher": ("student/teacher/*",),
}
"""Files by kind; a case draws the kind first, so that small files have their share."""


class Bits:
    """Copy of a finished run, whose bits are flipped and set right again."""

    def __init__(self, run: Path, work: Path) -> None:
        self._run, self._work = work / "bits", work
        shutil.rmtree(self._run, ignore_errors=True)
        shutil.copytree(run, self._run)
        for name in ("study.db-wal", "study.db-shm"):
            (self._run / name).unlink(missing_ok=True)
        _fill_cache(self._run)
        _make_student(self._run)
        self._sound: dict[tuple[str, ...], tuple[object, ...]] = {}

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        return {
            kind: sorted({path for pattern in patterns for path in self._run.glob(pattern)})
            for kind, patterns in KINDS.items()
        }

    def check(self, seed: int) -> tuple[str, list[str]]:
        """Flip a bit; return which, and what was wrong with the answers."""
        draw = random.Random(f"bits {seed}")
        kind = draw.choice(list(KINDS))
        path = draw.choice(self._files[kind])
        content = path.read_bytes()
        place, bit = draw.randrange(len(content)), draw.randrange(8)
        questions = self._questions(path)
        for question in questions:
            self._expected(question)
        flipped = bytearray(content)
        flipped[place] ^= 1 << bit
        path.write_bytes(flipped)
        try:
            wrong = [line for question in questions for line in self._judge(question)]
        finally:
            path.write_bytes(content)
            for name in ("study.db-wal", "study.db-shm", "study.db-journal"):
                (self._run / name).unlink(missing_ok=True)
        return f"{path.relative_to(self._run)} byte {place} bit {bit}", wrong

    def _questions(self, path: Path) -> list[tuple[str, ...]]:
        """Return the commands whose answers may depend on a file."""
        inside = path.relative_to(self._run)
        if inside.parts[0] == "cache":
            return [("cached", str(self._run))]
        if inside.parts[0] == "student":
            return [("validate", str(self._run / "student" / "study.yaml"), "--json")]
        if inside.parts[0] == "champion":
            return [("sample", str(self._run / "champion"))]
        run = str(self._run)
        if inside.parts[0] == "trials":
            number = str(int(inside.parts[1]))
            asked: list[tuple[str, ...]] = [("show", run, number, "--json")]
            if path.suffix == ".parquet":
                return [*asked, ("table", run, number, inside.name)]
            if path.name != "verdict.json":
                asked.append(("sample", run, "--trial", number))
            return asked
        if inside.parts[0] == "certification":
            return [("pareto", run, "--json")]
        return [(name, run, "--json") for name in ("status", "pareto", "show")]

    def _ask(self, question: tuple[str, ...]) -> tuple[Called, object]:
        """Return the call and its answer: exit code and stdout, with the picture it drew."""
        if question[0] == "table":
            return _table(Path(question[1]), int(question[2]), question[3])
        if question[0] == "cached":
            return _cached(Path(question[1]))
        if question[0] != "sample":
            called = call(*question)
            return called, called.answer
        picture = self._work / "picture.png"
        picture.unlink(missing_ok=True)
        called = call(*question, "--count", "4", "-o", picture)
        return called, (called.answer, picture.read_bytes() if picture.is_file() else None)

    def _expected(self, question: tuple[str, ...]) -> object:
        if question not in self._sound:
            called, answer = self._ask(question)
            self._sound[question] = (answer,)
            if called.faults() or (called.code and question[0] != "sample"):
                raise SystemExit(f"{question} fails on the sound run: {called}")
        return self._sound[question][0]

    def _judge(self, question: tuple[str, ...]) -> list[str]:
        called, answer = self._ask(question)
        if faults := called.faults():
            return [f"{question[0]}: {fault}" for fault in faults]
        if called.told or answer == self._expected(question):
            return []
        return [f"{question[0]}: another answer without a word: {called.out[:300]}"]


def _fill_cache(run: Path) -> None:
    """Measure the data of a run into the cache of the user, which is a folder in the run here."""
    os.environ["XDG_CACHE_HOME"] = str(run / "cache")
    called, _ = _cached(run)
    if called.fault or not any(run.glob("cache/**/*.npy")):
        raise SystemExit(f"nothing was measured into the cache: {called.fault}")


def _cached(run: Path) -> tuple[Called, object]:
    """Return the calibration and the features of a run's data, as a new process gets them."""
    from gansearch.evaluation import calibration, evidence
    from gansearch.evaluation.extractors import extractor_for
    from gansearch.study.study import Study

    calibration._known.clear()
    evidence._known_features.clear()
    try:
        data = Study.load(run / "champion" / "study.yaml").data
        measured = calibration.calibration_of(data).model_dump_json()
        features = evidence.real_features(data, extractor_for(data), 200)
    except BaseException:
        return Called(None, "", "", traceback.format_exc()[-1500:]), None
    return Called(0, measured, ""), (measured, features.tolist())


def _make_student(run: Path) -> None:
    """Make a run folder of a study that learns from trial 0 of a run, with its copy of that."""
    import yaml

    from gansearch.storage.run_folder import RunFolder
    from gansearch.study.study import Study

    tree = yaml.safe_load(Path(__file__).with_name("study.yaml").read_text())
    tree |= {"name": "student", "teacher": {"run": str(run), "trial": 0, "distill": "pixel"}}
    place = run / "student"
    place.mkdir()
    (place / "draft.yaml").write_text(yaml.safe_dump(tree))
    study = Study.load(place / "draft.yaml")
    (place / "draft.yaml").unlink()
    folder = RunFolder.create(place, study.spec)
    folder.write_study(study.spec)
    assert study.teacher is not None
    folder.keep_teacher(study.teacher.files())


def _table(run: Path, number: int, name: str) -> tuple[Called, object]:
    """Read a Parquet file of a trial, as `report` and the Python interface do."""
    from gansearch.errors import GansearchError
    from gansearch.storage.run_folder import RunFolder

    files = RunFolder.open(run).trial(number)
    files = files if (files.path / name).is_file() else files.rescue
    try:
        frame = files.signals() if name == "signals.parquet" else files.predictions()
    except GansearchError as error:
        return Called(1, "", str(error)), None
    except BaseException:
        return Called(None, "", "", traceback.format_exc()[-1500:]), None
    text = "" if frame is None else frame.to_csv()
    return Called(0, text, ""), text
