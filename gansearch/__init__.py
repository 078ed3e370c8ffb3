"""Find the smallest stable GAN for your data."""

from importlib.metadata import version

__version__ = version("gansearch")
