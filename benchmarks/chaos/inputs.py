"""Mutated studies, loss logs and pictures: each ends with a documented exit code, in time."""

from __future__ import annotations

import io
import random
import shutil
import traceback
from collections.abc import Sequence
from pathlib import Path

from command import MEMORY_LIMIT, Called, OverTimeError, call, limited, peak_memory

ROOT = Path(__file__).parents[2]
TOKENS = [
    *(b"0x_", b"2026-13-45", b"!!int abc", b"9" * 5000, b"1e999", b"-1", b".nan", b".inf", b"null"),
    *(b"[[[[[[[[[[[[", b"{{{{{{", b"&a [*a]", b"*a", b"<<: ", b"? ", b"%YAML 9.9", b"---\n", b"\t"),
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1b]0;x\x07", b"\xe2\x80\xae", b"\xed\xa0\x80"),
    *(b"../../../../etc/passwd", b"/dev/zero", b"./nowhere.py:Thing", b"~", b"$HOME", b"file:///"),
    *(
        b"true",
        b"1_0",
        b"0b1",
        b"12:30:45",
        b"1.0e-400",
        b"999999999999999999999",
        b"''",
        b'"',
        b"'",
    ),
    *(
        b"low: 9, high: 1",
        b"{low: 1, high: 2, step: 0}",
        b"{choices: []}",
        b"{use: dense}",
        b"use:",
    ),
    *(
        b",,,,,,,",
        b"\r",
        b"\n\n",
        b"NaN",
        b"inf",
        b"-inf",
        b"1,5",
        b"#",
        b"|",
        b">",
        b"@",
        b"`",
        b":",
    ),
    *(b"!!python/object/apply:os.system [id]", b"0" * 400 + b"1", b"[" * 60 + b"]" * 60),
]
"""Texts that have broken parsers."""


def mutate(content: bytes, draw: random.Random) -> bytes:
    """Return content after one to four changes."""
    changed = bytearray(content)
    for _ in range(draw.randint(1, 4)):
        if not changed:
            break
        at = draw.randrange(len(changed))
        length = min(draw.choice([1, 4, 16, 64, 256]), len(changed) - at)
        match draw.choice(["flip", "cut", "truncate", "repeat", "swap", "insert", "move"]):
            case "flip":
                changed[at] ^= 1 << draw.randrange(8)
            case "cut":
                del changed[at : at + length]
            case "truncate":
                del changed[max(1, at) :]
            case "repeat":
                changed[at:at] = changed[at : at + length] * draw.choice([1, 2, 50])
            case "swap":
                _swap_token(changed, draw)
            case "insert":
                changed[at:at] = draw.choice(TOKENS)
            case "move":
                part = changed[at : at + length]
                del changed[at : at + length]
                to = draw.randrange(len(changed) + 1)
                changed[to:to] = part
    return bytes(changed)


def _swap_token(content: bytearray, draw: random.Random) -> None:
    """Replace the word at a random place, between separators, by a nasty one."""
    at = draw.randrange(len(content))
    separators = b" \n,:{}[]\t;"
    start, end = at, at
    while start > 0 and content[start - 1] not in separators:
        start -= 1
    while end < len(content) and content[end] not in separators:
        end += 1
    content[start:end] = draw.choice(TOKENS)


class Inputs:
    """Sound inputs, and the commands that read them."""

    def __init__(self, run: Path, work: Path) -> None:
        self._place = work / "inputs"
        shutil.rmtree(self._place, ignore_errors=True)
        self._place.mkdir(parents=True)
        small = Path(__file__).with_name("study.yaml")
        studies = [small, *sorted((ROOT / "studies").glob("*.yaml"))]
        self._studies = [path.read_bytes() for path in studies]
        self._logs = _logs(run)
        self._pictures = _pictures()

    def check(self, seed: int) -> tuple[str, list[str]]:
        """Mutate an input; return which, and what was wrong with the answer."""
        draw = random.Random(f"inputs {seed}")
        kind = draw.choice(["study", "study", "log", "log", "picture"])
        if kind == "study":
            path = self._place / "study.yaml"
            small, *others = self._studies
            content = draw.choice([small, draw.choice(others)])
            path.write_bytes(mutate(content, draw))
            # `validate` measures the data, which takes long for any but the small ones.
            called = call("validate" if content is small else "summary", path, "--json")
        elif kind == "log":
            name, content = draw.choice(self._logs)
            path = self._place / name
            path.write_bytes(mutate(content, draw))
            called = call("diagnose", path, "--json")
        else:
            called = self._picture(draw)
        wrong = called.faults()
        if (peak := peak_memory()) > MEMORY_LIMIT:
            wrong.append(f"{peak} MiB of memory")
        return kind, wrong

    def _picture(self, draw: random.Random) -> Called:
        """Load a folder of three sound pictures and a mutated one."""
        from gansearch.errors import GansearchError
        from gansearch.registry import Registry

        folder = self._place / "pictures"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for number in range(3):
            (folder / f"{number}.png").write_bytes(self._pictures[0][1])
        ending, content = draw.choice(self._pictures)
        (folder / f"mutated.{ending}").write_bytes(mutate(content, draw))
        dataset = Registry().load("dataset", "folder")
        try:
            with limited():
                dataset.model_validate({"root": str(folder)}).load()  # type: ignore[attr-defined]
        except GansearchError as error:
            return Called(1, "", str(error))
        except OverTimeError as late:
            return Called(None, "", "", str(late))
        except BaseException:
            return Called(None, "", "", traceback.format_exc()[-1500:])
        return Called(0, "", "")


def _logs(run: Path) -> Sequence[tuple[str, bytes]]:
    """Return logs of several formats: name and content."""
    import json

    header = ["step", "d_loss_real", "d_loss_fake", "d_acc_real", "d_acc_fake", "g_loss"]
    rows: list[list[object]] = [
        [i, 0.6, 0.65 - i / 900, 0.6, 0.62, 1.2 + i / 90] for i in range(1, 61)
    ]
    everything: list[list[object]] = [[*header], *rows]
    table = "\n".join(",".join(str(value) for value in row) for row in everything)
    lines = "\n".join(json.dumps(dict(zip(header, row, strict=True))) for row in rows)
    signals = next(run.glob("trials/*/signals.parquet")).read_bytes()
    return [
        ("log.csv", table.encode()),
        ("log.tsv", table.replace(",", "\t").encode()),
        ("log.jsonl", lines.encode()),
        ("log.json", ("[" + lines.replace("\n", ",") + "]").encode()),
        ("log.parquet", signals),
        ("log.txt", table.replace(",", "  ").encode()),
    ]


def _pictures() -> Sequence[tuple[str, bytes]]:
    """Return pictures of several formats: ending and content."""
    from PIL import Image

    picture, made = Image.effect_noise((24, 24), 60).convert("RGB"), []
    for ending in ("png", "jpg", "bmp", "gif", "webp", "tiff"):
        file = io.BytesIO()
        picture.save(file, {"jpg": "jpeg"}.get(ending, ending))
        made.append((ending, file.getvalue()))
    return made
