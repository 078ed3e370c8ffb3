"""Find the smallest stable GAN for your data."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gansearch.api import load_study, open_run, run_study
    from gansearch.export.bundle import Bundle

__all__ = ["__version__", "load", "load_study", "open_run", "run_study"]

__version__: str


def load(path: str | PathLike[str]) -> Bundle:
    """Open a bundle of `gansearch export`, and sample its generator without its data.

        bundle = gansearch.load("runs/shrink-generator/champion")
        images = bundle.sample(bundle.draw_latents(64, seed=0))  # (64, 1, 28, 28), uint8

    Needs onnxruntime, or else torch and the component that the generator was trained from.

    Raises:
        BundleError: if the folder is not a bundle.
    """
    # Here, since `gansearch --help` need not wait for numpy.
    from gansearch.export.bundle import Bundle

    return Bundle.load(Path(path))


def __getattr__(name: str) -> Any:
    if name == "__version__":
        # Here, since importing importlib.metadata takes a third of the time of `gansearch --help`.
        from importlib.metadata import version

        return version("gansearch")
    if name in __all__:
        # Here, since the interface imports pandas and torch.
        from gansearch import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
