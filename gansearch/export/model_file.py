"""`model.py`: a network in plain torch, and the proof that it is the same one."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from gansearch.errors import GansearchError
from gansearch.export.manifest import MODEL, WEIGHTS, Check, Input, Output
from gansearch.export.network_source import network_source
from gansearch.export.onnx_file import TOLERANCE, difference

HEAD = '''\
"""Generator: {mapping}.

    network = load()
    with torch.no_grad():
        samples = network({example})

Needs torch and safetensors. Written by gansearch from the network that it rebuilds.
"""

from __future__ import annotations

{imports}
'''
BUILD = '''\
def build() -> nn.Module:
    """Build the network, with random weights."""
    return {expression}
'''
LOAD = '''\
def load(weights: Path = Path(__file__).with_name("{weights}")) -> nn.Module:
    """Build the network with its trained weights, for evaluation."""
    network = build()
    network.load_state_dict(load_file(weights))
    return network.eval()
'''
IMPORTS = (
    "from pathlib import Path",
    "import torch",
    "from safetensors.torch import load_file",
    "from torch import nn",
)
RUN = """
import importlib.abc, importlib.util, sys
import numpy as np, torch

class WithoutGansearch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.startswith("gansearch"):
            raise ImportError(f"model.py must not import {name}")

sys.meta_path.insert(0, WithoutGansearch())
file, inputs, outputs = sys.argv[1:]
spec = importlib.util.spec_from_file_location("model", file)
model = importlib.util.module_from_spec(spec)
spec.loader.exec_module(model)
with torch.no_grad():
    np.save(outputs, model.load()(torch.from_numpy(np.load(inputs))).numpy())
"""
"""Program of the fresh process that runs the file; gansearch cannot be imported there."""
TIME_LIMIT = 300
"""Seconds after which that process is ended."""


class ModelFileError(GansearchError):
    """A network that `model.py` does not rebuild; the message says why."""


def write_model_file(
    network: nn.Module, inputs: Tensor, takes: Input, gives: Output, path: Path
) -> Check:
    """Write a network as `model.py`, beside its weights, and run it in a fresh process.

    Args:
        network: the network, in evaluation mode on the CPU.
        inputs: inputs on which both are compared.
        takes: description of the inputs, for the reader.
        gives: description of the samples.
        path: the file; the weights lie in the same folder.

    Raises:
        NetworkSourceError: if the network cannot be written as source.
        ModelFileError: if the file fails, or makes other samples; it is removed then.
    """
    path.write_text(model_source(network, takes, gives), encoding="utf-8")
    try:
        return _checked(network, inputs, path)
    except ModelFileError:
        path.unlink()
        raise


def model_source(network: nn.Module, takes: Input, gives: Output) -> str:
    """Write the source of `model.py`.

    Raises:
        NetworkSourceError: if the network cannot be written as source.
    """
    source = network_source(network)
    shape, values = ", ".join(map(str, gives.shape)), "unbounded"
    if gives.is_image:
        values = "from {:g} to {:g}".format(*gives.value_range)
    entering = ", ".join(map(str, takes.shape))
    what = "samples" if takes.kind == "samples" else "latents"
    head = HEAD.format(
        mapping=f"{what} (N, {entering}) to samples (N, {shape}), {values}",
        example=f"torch.randn(64, {entering})",
        imports=_sorted_imports([*IMPORTS, *source.imports]),
    )
    build = BUILD.format(expression=source.expression.replace("\n", "\n    "))
    parts = (head, *source.definitions, build, LOAD.format(weights=WEIGHTS))
    return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"


def _sorted_imports(statements: Iterable[str]) -> str:
    """Return import statements in two blocks, the standard library and torch."""
    whole, names = set(), defaultdict[str, set[str]](set)
    for statement in statements:
        module, _, name = statement.removeprefix("from ").partition(" import ")
        if name:
            names[module].add(name)
        else:
            whole.add(statement)
    joined = [f"from {module} import {', '.join(sorted(names[module]))}" for module in names]

    def block(*, standard: bool) -> str:
        lines = [
            line
            for line in (*sorted(whole), *sorted(joined))
            if (line.split()[1].partition(".")[0] in sys.stdlib_module_names) is standard
        ]
        return "\n".join(lines)

    return "\n\n".join(filter(None, (block(standard=True), block(standard=False))))


def _checked(network: nn.Module, inputs: Tensor, path: Path) -> Check:
    """Compare the samples that the file makes in a fresh process with those of the network."""
    with torch.no_grad():
        expected = network(inputs).numpy()
    with tempfile.TemporaryDirectory() as scratch:
        given, made = Path(scratch) / "inputs.npy", Path(scratch) / "outputs.npy"
        np.save(given, inputs.numpy())
        command = [sys.executable, "-I", "-B", "-c", RUN, str(path), str(given), str(made)]
        try:
            ended = subprocess.run(
                command, cwd=scratch, capture_output=True, text=True, timeout=TIME_LIMIT
            )
        except subprocess.TimeoutExpired:
            raise ModelFileError(f"{MODEL} did not end within {TIME_LIMIT} s") from None
        if ended.returncode != 0:
            reason = ended.stderr.strip().rpartition("\n")[2] or f"exit code {ended.returncode}"
            raise ModelFileError(f"{MODEL} does not run: {reason}")
        found = np.load(made)
    largest = difference(expected, found)
    if not largest <= TOLERANCE:
        raise ModelFileError(f"{MODEL} makes samples that differ by {largest:.2g}")
    version = f"torch {torch.__version__}, in a process without gansearch"
    return Check(max_difference=largest, tolerance=TOLERANCE, ran_with=version)
