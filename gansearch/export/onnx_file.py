"""A network as ONNX, with a free batch size."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gansearch.errors import GansearchError
from gansearch.export.manifest import Check

OPSET = 20
"""Version of the operators; onnxruntime knows it since 1.17."""
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
BATCHES = (1, 2, 7)
"""Batch sizes that are compared; the network is exported with another one."""
TOLERANCE = 1e-5
"""Largest difference of two outputs, absolute up to 1 and relative above."""


class OnnxError(GansearchError):
    """A network that cannot be written as ONNX; the message says why."""


def write_onnx(network: nn.Module, inputs: Tensor, path: Path) -> Check:
    """Write a network as ONNX and compare what onnxruntime makes of it with the network.

    Args:
        network: the network, in evaluation mode on the CPU.
        inputs: at least 7 inputs.
        path: the file.

    Raises:
        OnnxError: if a package is missing, the network cannot be exported, or the file computes
            something else than the network; no file is left then.
    """
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise OnnxError(f"{', '.join(missing)} missing; pip install 'gansearch[export]'")
    try:
        path.write_bytes(_onnx_bytes(network, inputs))
        return _checked(network, inputs, path)
    except OnnxError:
        path.unlink(missing_ok=True)
        raise
    except Exception as error:  # torch's exporter, onnx and onnxruntime raise whatever they like
        path.unlink(missing_ok=True)
        reason = str(error).strip().partition("\n")[0]
        raise OnnxError(f"the network cannot be exported: {type(error).__name__}: {reason}") from (
            error
        )


def _onnx_bytes(network: nn.Module, inputs: Tensor) -> bytes:
    """Return the network as an ONNX model."""
    with quiet(logging.getLogger("torch.onnx")):
        import onnx

        program = torch.onnx.export(
            network,
            (inputs[:3],),
            dynamo=True,
            opset_version=OPSET,
            input_names=["inputs"],
            output_names=["samples"],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            verbose=False,
        )
        assert program is not None, "with dynamo=True a program is returned"
        model = program.model_proto
        # The exporter notes the lines of code, with the paths of this machine, at every node.
        for graph in (model.graph, *model.functions):
            for node in graph.node:
                node.ClearField("metadata_props")
                node.ClearField("doc_string")
            graph.ClearField("metadata_props")
            graph.ClearField("value_info")
        for value in (*model.graph.input, *model.graph.output):
            value.ClearField("metadata_props")
        model.ClearField("metadata_props")
        model.graph.name = "generator"
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString())


def _checked(network: nn.Module, inputs: Tensor, path: Path) -> Check:
    """Compare the file with the network at several batch sizes.

    Raises:
        OnnxError: if they differ by more than the tolerance.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    worst = 0.0
    for batch in BATCHES:
        with torch.no_grad():
            expected = network(inputs[:batch]).numpy()
        found = session.run(None, {"inputs": inputs[:batch].numpy()})[0]
        worst = max(worst, difference(expected, found))
    if not worst <= TOLERANCE:
        raise OnnxError(f"onnxruntime's samples differ from PyTorch's by {worst:.2g}")
    versions = f"onnxruntime {onnxruntime.__version__} against torch {torch.__version__}"
    return Check(max_difference=worst, tolerance=TOLERANCE, ran_with=versions)


def difference(expected: np.ndarray, found: np.ndarray) -> float:
    """Return the largest difference of two outputs, relative where they exceed 1.

    >>> difference(np.array([0.5, 100.0]), np.array([0.5, 101.0]))
    0.01
    """
    if expected.shape != found.shape:
        return float("inf")
    scale = np.maximum(1.0, np.abs(expected))
    return float(np.max(np.abs(expected - found) / scale))


@contextmanager
def quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep the advice of an exporter away from the user."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
