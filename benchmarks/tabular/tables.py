"""Folders of the tables: what each is for, and which candidates, seeds and rungs it has.

`plan.yaml` is written before the first run of a table: it says whether the search may be tuned on
the table, or is only held against it.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

HERE = Path(__file__).parent
TABLES = HERE / "tables"
TUNED = "fashion_dcgan"
"""Name of the table on which the search was tuned."""
SEEDS = 3
"""Seeds with which repeated candidates are trained; all others have one."""


class Plan(BaseModel):
    """Plan of a table, as in its plan.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    purpose: Literal["tuning", "reporting"]
    """`tuning`: the search was changed by looking at this table. `reporting`: it never was."""
    smallest: int
    """Parameters at which the smallest stratum begins."""
    wanted: tuple[int, ...]
    """Candidates of each stratum of the generator's size, all equally wide in its logarithm."""
    repeated: tuple[int, ...]
    """Those of them that are trained with several seeds, by stratum."""
    in_doubt: frozenset[int] = frozenset()
    """Numbers of further candidates with several seeds, chosen after the first seed was known."""
    rungs: tuple[int, ...]
    """Steps after which the samples are measured; the last one is the end of the training."""
    metrics: tuple[str, ...]
    """Metrics that are measured at each of them."""
    quality: str = "mmd"
    """Metric of the quality, less is better."""
    contends: float = 1.5
    """Quality with the first seed, over the best one of no larger size, up to which a candidate may
    be on the front of medians: two seeds differ by 14 %."""
    prior: str | None = None
    """Table of the same space on other data, whose trials a search may know beforehand."""
    ends_well: str = "detectors that see nothing but the last step find the run healthy."
    """What it means that a run ends well, for the datasheet."""


@dataclass(frozen=True)
class TableFolder:
    """Folder of one table."""

    path: Path

    @classmethod
    def named(cls, name: str) -> TableFolder:
        """Return the folder of a table beside these scripts."""
        return cls(TABLES / name)

    @classmethod
    def all(cls) -> list[TableFolder]:
        """Return the folder of every table, in alphabetical order."""
        return [cls(plan.parent) for plan in sorted(TABLES.glob("*/plan.yaml"))]

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def study(self) -> Path:
        """Study file whose space the candidates are drawn from."""
        return self.path / "study.yaml"

    @property
    def candidates(self) -> Path:
        """File of the candidates, one a line."""
        return self.path / "candidates.jsonl"

    @property
    def runs(self) -> Path:
        """Folder of the recorded runs, a file each; not in the repository."""
        return self.path / "runs"

    @property
    def table(self) -> Path:
        """File of all runs."""
        return self.path / "table.parquet"

    @property
    def datasheet(self) -> Path:
        """Page that describes the table."""
        return self.path / "datasheet.md"

    @cached_property
    def plan(self) -> Plan:
        """Plan that was made before the first run."""
        return Plan.model_validate(yaml.safe_load((self.path / "plan.yaml").read_text()))


def table_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names a table."""
    names = [folder.name for folder in TableFolder.all()]
    parser.add_argument(
        "--table",
        type=TableFolder.named,
        default=TableFolder.named(TUNED),
        metavar="NAME",
        help=f"one of {', '.join(names)} (default: {TUNED})",
    )
