"""Fixtures that make studies and trial records by hand."""

from collections.abc import Callable

import pytest

from gansearch.signals import Verdict
from gansearch.study.spec import StudySpec
from gansearch.study.yaml_file import StudyDocument
from gansearch.trial_record import TrialRecord

STUDY = """
name: by-hand
dataset: {use: fashion-mnist}
generator: {use: dcgan}
discriminator: {use: dcgan}
loss: {use: bce}
schedule: {use: alternating}
objectives:
  - {metric: generator_params, direction: minimize}
  - {metric: QUALITY, direction: DIRECTION}
certification: {tolerance: 0.1, tolerance_reference: REFERENCE}
"""


@pytest.fixture
def study() -> Callable[..., StudySpec]:
    """A study with a size and a quality; its champion is held against the baseline or the best."""

    def make(
        quality: str = "mmd", direction: str = "minimize", reference: str = "baseline"
    ) -> StudySpec:
        text = STUDY.replace("QUALITY", quality).replace("DIRECTION", direction)
        return StudyDocument.parse(text.replace("REFERENCE", reference)).spec()

    return make


STAMP = {"extractor": {"name": "rough", "sha256": "0" * 64, "warning": "rough figures"}}
"""Stamp of a trial whose figures were made by an extractor that warns."""


@pytest.fixture
def trial() -> Callable[..., TrialRecord]:
    """A trial of a size and a quality; healthy unless told otherwise, trial 0 the baseline."""

    def make(
        number: int, size: float, quality: float | None, verdict: str = "healthy", **fields
    ) -> TrialRecord:
        metric = fields.pop("metric", "mmd")
        known = {
            "state": "complete" if verdict == "healthy" else "pruned",
            "parameters": {"generator.width": number, "schedule.generator_lr": 0.001},
            "identity": f"{number:016x}",
            "baseline": number == 0,
            "sizes": {"generator_params": size},
            "metrics": {} if quality is None else {metric: quality},
        }
        return TrialRecord(
            number,
            verdict=Verdict(
                verdict, None if verdict == "healthy" else 600, {"rule": f"told {verdict}"}
            ),
            **known | fields,
        )

    return make
