"""Find the smallest stable GAN for your data."""

from __future__ import annotations

__version__: str


def __getattr__(name: str) -> str:
    if name == "__version__":
        # Here, since importing importlib.metadata takes a third of the time of `gansearch --help`.
        from importlib.metadata import version

        return version("gansearch")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
