"""Executors are tested with the driver's own fixture, and with one Ray for all tests."""

from search.conftest import search

from gansearch.execution.ray.environment import set_ray_environment

__all__ = ["search"]

set_ray_environment(starts_ray=True)  # before test modules import Ray
