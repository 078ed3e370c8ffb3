"""A run over pictures, and its bundle."""

from support.export_runs import (
    bundle,
    colour_folder,
    made_bundle,
    pictures,
    recorded_pictures,
    without_onnx,
)

__all__ = [
    "bundle",
    "colour_folder",
    "made_bundle",
    "pictures",
    "recorded_pictures",
    "without_onnx",
]
