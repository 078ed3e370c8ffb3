"""A generator's ONNX file with weights and activations in int8, and what that costs and saves."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gansearch.components import Data, Extractor, SampleMetric
from gansearch.errors import GansearchError
from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.evaluation.latency import median_milliseconds
from gansearch.evaluation.latency_names import BATCHES
from gansearch.export.onnx_file import PACKAGES, OnnxError, quiet

CALIBRATED = 256
"""Inputs from which the ranges of the activations are taken."""
BATCH = 64
"""Samples made at a time."""


@dataclass(frozen=True)
class Quality:
    """Quality of the samples of both files, of the same inputs."""

    metric: str
    before: float
    after: float
    samples: int


@dataclass(frozen=True)
class Int8Figures:
    """Figures of a file in int8 beside those of the file that it was made from."""

    bytes_before: int
    bytes_after: int
    latency_ms_before: dict[int, float]
    """Median milliseconds of a batch on one thread of onnxruntime, by its size."""
    latency_ms_after: dict[int, float]
    mean_difference: float
    """Mean difference of two outputs, as a share of the range of values."""
    quality: Quality | None
    """None where the data are not at hand."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Judge:
    """A study's quality, with what is needed to measure it on new samples."""

    name: str
    metric: SampleMetric
    data: Data
    extractor: Extractor | None


def write_int8(
    source: Path, target: Path, inputs: Tensor, span: float, judge: Judge | None
) -> Int8Figures:
    """Quantise an ONNX file to int8 with ranges measured on inputs, and compare both files.

    Weights are quantised by channel, activations by tensor (static quantisation of onnxruntime).

    Args:
        source: the ONNX file.
        target: the file to write.
        inputs: inputs (N, ...), the first 256 for calibration, all of them for the quality.
        span: width of the range of values of the samples.
        judge: measures the quality of both; None where it cannot be measured.

    Raises:
        OnnxError: if a package is missing or the network cannot be quantised; no file is left then.
    """
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise OnnxError(f"{', '.join(missing)} missing; pip install 'gansearch[export]'")
    values = inputs.numpy()
    try:
        _quantise(source, target, values[:CALIBRATED])
        before, after = _samples(source, values), _samples(target, values)
        difference = float(np.abs(before - after).mean()) / span
        return Int8Figures(
            bytes_before=source.stat().st_size,
            bytes_after=target.stat().st_size,
            latency_ms_before=_latencies(source, values),
            latency_ms_after=_latencies(target, values),
            mean_difference=difference,
            quality=None if judge is None else _quality(judge, before, after),
        )
    except GansearchError:
        target.unlink(missing_ok=True)
        raise
    except Exception as error:  # onnx and onnxruntime raise whatever they like
        target.unlink(missing_ok=True)
        reason = str(error).strip().partition("\n")[0]
        message = f"the network cannot be quantised: {type(error).__name__}: {reason}"
        raise OnnxError(message) from error


def _quantise(source: Path, target: Path, values: np.ndarray) -> None:
    with quiet(logging.getLogger()), TemporaryDirectory() as scratch:
        from onnxruntime.quantization import CalibrationDataReader, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process

        class Inputs(CalibrationDataReader):  # type: ignore[misc]
            """The inputs for the calibration, a batch at a time."""

            def __init__(self) -> None:
                self._left = list(np.array_split(values, max(1, len(values) // BATCH)))

            def get_next(self) -> dict[str, np.ndarray] | None:
                return {"inputs": self._left.pop()} if self._left else None

        prepared = Path(scratch) / "prepared.onnx"
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        quantize_static(prepared, target, Inputs(), per_channel=True)


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _samples(path: Path, values: np.ndarray) -> np.ndarray:
    session = _session(path)
    parts = [values[i : i + BATCH] for i in range(0, len(values), BATCH)]
    return np.concatenate([session.run(None, {"inputs": part})[0] for part in parts])


def _latencies(path: Path, values: np.ndarray) -> dict[int, float]:
    session, latencies = _session(path), {}
    for batch in BATCHES:
        inputs = {"inputs": np.resize(values, (batch, *values.shape[1:]))}
        latencies[batch] = median_milliseconds(partial(session.run, None, inputs))
    return latencies


def _quality(judge: Judge, before: np.ndarray, after: np.ndarray) -> Quality:
    from gansearch.evaluation.extractors import extractor_for

    extractor = extractor_for(judge.data, judge.extractor)
    evidences = [
        TrainedEvidence(judge.data, torch.from_numpy(samples), extractor)
        for samples in (before, after)
    ]
    old, new = (float(judge.metric.measure(evidence)) for evidence in evidences)
    return Quality(judge.name, old, new, evidences[0].count)
