"""A small ONNX file, written byte by byte, so that no test needs the package that writes them."""

from collections.abc import Sequence

import numpy as np

FLOAT, INT64 = 1, 7


def number(field: int, value: int) -> bytes:
    """Return a number as a field of a protocol buffer."""
    return varint(field << 3) + varint(value)


def part(field: int, content: bytes | str) -> bytes:
    """Return a string or a message as a field of a protocol buffer."""
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    groups = []
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])


def tensor(name: str, values: np.ndarray, kind: int) -> bytes:
    shape = b"".join(number(1, side) for side in values.shape)
    return shape + number(2, kind) + part(8, name) + part(9, values.tobytes())


def value_info(name: str, shape: Sequence[int | str]) -> bytes:
    sides = (part(2, side) if isinstance(side, str) else number(1, side) for side in shape)
    dimensions = b"".join(part(1, side) for side in sides)
    return part(1, name) + part(2, part(1, number(1, FLOAT) + part(2, dimensions)))


def node(operator: str, inputs: Sequence[str], output: str) -> bytes:
    return b"".join(part(1, one) for one in inputs) + part(2, output) + part(4, operator)


def onnx_file(
    channels: int = 3,
    size: int = 8,
    features: int = 5,
    batch: int | str = "N",
    shape: Sequence[int] = (0, -1),
) -> bytes:
    """Return a network of a 1x1 convolution whose map is reshaped; 0 keeps a side, -1 fills it."""
    weights = np.random.default_rng(0).normal(size=(features, channels, 1, 1)).astype(np.float32)
    graph = part(1, node("Conv", ["images", "weights"], "map"))
    graph += part(1, node("Reshape", ["map", "shape"], "features"))
    graph += part(2, "network")
    graph += part(5, tensor("weights", weights, FLOAT))
    graph += part(5, tensor("shape", np.array(shape, np.int64), INT64))
    graph += part(11, value_info("images", (batch, channels, size, size)))
    graph += part(12, value_info("features", [f"side{i}" for i in range(len(shape))]))
    graph += part(12, value_info("map", (batch, features, size, size)))
    return number(1, 8) + part(7, graph) + part(8, number(2, 13))
