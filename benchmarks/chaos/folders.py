"""Hostile run folders: nothing outside of them is read, written, deleted or executed."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import yaml
from command import call

SECRET = "c4n4ry-0f-the-chaos-campaign"
"""Text that no command may show."""
MODULE = """
from pathlib import Path
Path(__file__).with_name("executed").write_text("executed")
from gansearch.builtin.generators.dense import DenseGenerator as Thing
"""
ODD_NAMES = ["a?b", "a%20b", "{x}", "#", "a b", "\u00e4\u6f22", "-o", "a;b", "$HOME", "a\nb", "*"]


class Folders:
    """A finished run of a stranger, and a place beside it that must stay as it is."""

    def __init__(self, run: Path, work: Path) -> None:
        self._sound, self._work = run, work / "folders"

    def check(self, seed: int) -> tuple[str, list[str]]:
        """Make a hostile run folder and use it; return its kind, and what went wrong."""
        draw = random.Random(f"folders {seed}")
        shutil.rmtree(self._work, ignore_errors=True)
        outside = self._work / "outside"
        outside.mkdir(parents=True)
        (outside / "canary.txt").write_text(SECRET)
        (outside / "canary.json").write_text(json.dumps({"secret": SECRET}))
        (outside / "canary.py").write_text(MODULE)
        (outside / "folder").mkdir()
        (outside / "folder" / "canary.txt").write_text(SECRET)
        run = self._work / draw.choice(["run", *ODD_NAMES])
        shutil.copytree(self._sound, run)
        name = list(KINDS)[seed % len(KINDS)]
        KINDS[name](run, outside, draw)
        before, state = _tree(outside), os.environ["XDG_STATE_HOME"]
        os.environ["XDG_STATE_HOME"] = str(self._work / "of a stranger")
        try:
            wrong = self._use(run, draw)
        finally:
            os.environ["XDG_STATE_HOME"] = state
        if _tree(outside) != before:
            wrong.append(f"changed outside: {sorted(set(_tree(outside)) ^ set(before))}")
        strays = {path.name for path in self._work.iterdir()} - {
            *(outside.name, run.name, "picture.png", "front.csv", "bundle", "report.html"),
            "of a stranger",
        }
        if strays:
            wrong.append(f"written beside it: {sorted(strays)}")
        return f"{name} in {run.name!r}", wrong

    def _use(self, run: Path, draw: random.Random) -> list[str]:
        """Run every command that reads a run, then those that write to it."""
        reading: list[tuple[object, ...]] = [
            ("status", run, "--json"),
            ("show", run, "--json"),
            ("show", run, "0"),
            ("show", run, "0", "-o", self._work / "picture.png"),
            ("pareto", run, "-o", self._work / "front.csv"),
            ("changes", run),
            ("sample", run, "--trial", "0", "--count", "4", "-o", self._work / "picture.png"),
            ("sample", run / "champion", "--count", "4", "-o", self._work / "picture.png"),
        ]
        # These take longer than all others together.
        if draw.random() < 0.25:
            reading.append(("export", run, "--trial", "0", "-o", self._work / "bundle"))
        if draw.random() < 0.25:
            reading.append(("report", run, "-o", self._work / "report.html"))
        draw.shuffle(reading)
        wrong = []
        # A command that trains asks for trust first; nobody answers here.
        for asked in (*reading, ("resume", run), ("certify", run)):
            called = call(*asked)
            wrong += [f"{asked[0]}: {fault}" for fault in called.faults()]
            if SECRET in called.out + called.err:
                wrong.append(f"{asked[0]} shows a file from outside")
            if asked[0] in ("resume", "certify") and called.code == 0:
                wrong.append(f"{asked[0]} went on unasked")
        return [*wrong, *self._remove(run)]

    def _remove(self, run: Path) -> list[str]:
        """Remove what a run has made, as `--fresh` does."""
        from gansearch.errors import GansearchError
        from gansearch.storage.run_folder import RunFolder

        try:
            folder = RunFolder(run)
            with folder.locked():
                folder.remove_trials()
        except (GansearchError, OSError):
            return []
        except Exception as error:
            return [f"--fresh: {type(error).__name__}: {error}"]
        return []


def _tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return mode and content of everything in a folder."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }


def _some_file(run: Path, draw: random.Random) -> Path:
    return draw.choice(sorted(path for path in run.rglob("*") if path.is_file()))


def _link_file(run: Path, outside: Path, draw: random.Random) -> None:
    path = _some_file(run, draw)
    path.unlink()
    path.symlink_to(outside / draw.choice(["canary.txt", "canary.json", "nowhere"]))


def _link_folder(run: Path, outside: Path, draw: random.Random) -> None:
    path = draw.choice(sorted(path for path in run.rglob("*") if path.is_dir()))
    shutil.rmtree(path)
    path.symlink_to(outside / "folder")


def _hard_link(run: Path, outside: Path, draw: random.Random) -> None:
    path = _some_file(run, draw)
    path.unlink()
    path.hardlink_to(outside / "canary.json")


def _special(run: Path, outside: Path, draw: random.Random) -> None:
    path = _some_file(run, draw)
    path.unlink()
    os.mkfifo(path)


def _folder_for_file(run: Path, outside: Path, draw: random.Random) -> None:
    path = _some_file(run, draw)
    path.unlink()
    path.mkdir()
    (path / "more").write_text("x")


def _file_for_folder(run: Path, outside: Path, draw: random.Random) -> None:
    path = draw.choice(sorted(path for path in run.rglob("*") if path.is_dir()))
    shutil.rmtree(path)
    path.write_text("x")


def _note(run: Path, outside: Path, draw: random.Random) -> None:
    for trial in run.glob("trials/*"):
        text = draw.choice([str(outside / "folder"), "/../outside/folder", "../../../outside"])
        (trial / ".object-store-prefix").write_text(text)


def _rewrite(run: Path, changes: dict[str, object]) -> None:
    """Change keys of study.yaml, and let its mark agree, as whoever made the folder can."""
    from gansearch.storage.run_mark import MARK, study_digest

    tree = yaml.safe_load((run / "study.yaml").read_text())
    content = yaml.safe_dump(tree | changes, sort_keys=False).encode()
    (run / "study.yaml").write_bytes(content)
    mark = json.loads((run / MARK).read_text())
    (run / MARK).write_text(json.dumps(mark | {"study_sha256": [study_digest(content)]}))


def _class_in_study(run: Path, outside: Path, draw: random.Random) -> None:
    role = draw.choice(["generator", "loss", "dataset", "discriminator", "schedule"])
    _rewrite(run, {role: {"use": f"{outside}/canary.py:Thing"}})


def _class_in_candidate(run: Path, outside: Path, draw: random.Random) -> None:
    from gansearch.files import DIGEST

    for path in run.rglob("candidate.json"):
        tree = json.loads(path.read_text())
        tree.pop(DIGEST, None)  # as whoever made the folder can
        tree["generator"]["use"] = f"{outside}/canary.py:Thing"
        path.write_text(json.dumps(tree))


def _paths_in_study(run: Path, outside: Path, draw: random.Random) -> None:
    what: dict[str, object] = draw.choice(
        [
            {"storage": f"sqlite:///{outside}/new.db"},
            {"storage": "postgresql://nowhere.invalid/x"},
            {"dataset": {"use": "folder", "root": str(outside)}},
            {"executor": {"use": "ray", "address": "nowhere.invalid:1"}},
            {"executor": {"use": "ray", "storage_path": f"file://{outside}"}},
            {"extractor": {"use": "onnx", "path": str(outside / "canary.json")}},
            {"name": "../outside"},
            {"teacher": {"run": str(outside)}},
        ]
    )
    _rewrite(run, what)


def _manifest(run: Path, outside: Path, draw: random.Random) -> None:
    path = run / "champion" / "bundle.json"
    tree = json.loads(path.read_text())
    names = ["../../outside/canary.txt", str(outside / "canary.json"), "..", ".", "", "a\x00b"]
    tree["files"] = dict.fromkeys(names, "0" * 64) | {"generator.safetensors": "0" * 64}
    path.write_text(json.dumps(tree))


def _mark(run: Path, outside: Path, draw: random.Random) -> None:
    lie = draw.choice(
        [
            {"id": "../../outside/canary.txt"},
            {"id": "0" * 32, "study_sha256": []},
            {"gansearch_run": 99},
            {"id": None},
            [],
        ]
    )
    path = run / "gansearch.json"
    tree = json.loads(path.read_text())
    path.write_text(json.dumps(tree | lie if isinstance(lie, dict) else lie))


def _pickles(run: Path, outside: Path, draw: random.Random) -> None:
    """Put pickles that would run code where weights, tables and checkpoints are."""
    import pickle

    class Canary:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.write_text, (outside / "executed", "executed"))

    content = pickle.dumps(Canary())
    for pattern in ("*.safetensors", "*.parquet"):
        for path in run.rglob(pattern):
            path.write_bytes(content)
    for trial in run.glob("trials/*"):
        (trial / "checkpoint.pt").write_bytes(content)


def _names_in_database(run: Path, outside: Path, draw: random.Random) -> None:
    """Give trials numbers and settings that would be paths or control characters."""
    import sqlite3
    from contextlib import closing

    from gansearch.storage.trial_attributes import _digest

    with closing(sqlite3.connect(run / "study.db")) as database, database:
        rows = database.execute(
            "SELECT rowid, value_json FROM trial_user_attributes WHERE key = 'record'"
        ).fetchall()
        for row, value in rows:
            record = json.loads(json.loads(value).partition(" ")[2])
            record |= draw.choice(
                [
                    {"number": -1},
                    {"number": 10**12},
                    {"identity": "../../outside"},
                    {"settings": {"\x1b]0;x\x07": "../" * 9, "generator.width": 1e400}},
                    {"metrics": {"sliced_wasserstein": None}},
                    {"reason": "\x1b[2J" + "x" * 100_000},
                ]
            )
            content = json.dumps(record)
            stored = json.dumps(f"{_digest(content)} {content}")
            database.execute(
                "UPDATE trial_user_attributes SET value_json = ? WHERE rowid = ?", (stored, row)
            )


KINDS: dict[str, Callable[[Path, Path, random.Random], None]] = {
    "a link for a file": _link_file,
    "a link for a folder": _link_folder,
    "a hard link": _hard_link,
    "a pipe": _special,
    "a folder for a file": _folder_for_file,
    "a file for a folder": _file_for_folder,
    "a note of a job": _note,
    "a class of a file in study.yaml": _class_in_study,
    "a class of a file in candidate.json": _class_in_candidate,
    "places in study.yaml": _paths_in_study,
    "names in bundle.json": _manifest,
    "a mark that lies": _mark,
    "pickles": _pickles,
    "records in study.db": _names_in_database,
}
