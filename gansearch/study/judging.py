"""Warnings of studies whose runs can hardly be judged: short ones, few samples, no detectors."""

from __future__ import annotations

from collections.abc import Sequence

from gansearch.components import Detector

FEW_STEPS = 500
"""Steps below which sound small generators still draw much the same everywhere."""
FEW_SAMPLES = 200
"""Real samples below which the MMD of real samples against others is as large as a tolerance."""


def count_looks(detectors: Sequence[Detector], steps: int) -> int:
    """Return the number of looks at the samples of a training of so many steps."""
    return sum(
        any(detector.probe_due(step, steps) for detector in detectors)
        for step in range(1, steps + 1)
    )


def judging_warnings(detectors: Sequence[Detector], steps: int, samples: int) -> tuple[str, ...]:
    """Say how a study's own settings keep its runs from being judged well.

    Args:
        detectors: those of the study.
        steps: of each training.
        samples: real samples that generated ones are compared with.
    """
    warnings = []
    if not detectors:
        warnings.append(
            "the study has no detectors: every run will end `unjudged`, and none is ranked; "
            "leave `detectors` out to have the usual ones"
        )
    looks = count_looks(detectors, steps)
    if detectors and looks == 0:
        warnings.append(
            "no detector looks at samples: runs are judged by their losses alone; "
            "add {use: mode-collapse} to `detectors`"
        )
    elif detectors and steps < FEW_STEPS:
        warnings.append(
            f"trainings of {steps} steps can hardly be judged, with {looks} "
            f"look{'s' if looks > 1 else ''} at their samples: sound generators take some "
            f"{FEW_STEPS} steps to draw different samples; raise training.steps"
        )
    if samples < FEW_SAMPLES:
        warnings.append(
            f"generated samples are compared with {samples} real ones, training samples among "
            f"them: below {FEW_SAMPLES} figures differ by more than a usual tolerance by chance, "
            "and a front says little; add pictures"
        )
    return tuple(warnings)
