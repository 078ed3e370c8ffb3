"""Registry of components: entry points in, classes out.

Each entry point is loaded by itself: a broken plugin is refused with the reason, and the others
stay usable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from gansearch.component_file import is_file_reference, load_from_file
from gansearch.components import API_VERSION, ROLES, Component
from gansearch.errors import PluginError
from gansearch.global_state import preserved_global_state
from gansearch.near_names import did_you_mean

GROUP_OF_ROLE = {role: f"gansearch.{role}s" for role in ROLES} | {"loss": "gansearch.losses"}


@dataclass(frozen=True)
class Listing:
    """One component with its distribution, and the reason where it was refused."""

    role: str
    name: str
    distribution: str
    version: str
    summary: str = ""
    refused: str | None = None


class Registry:
    """Components of the installed distributions, loaded on demand.

    >>> Registry().load("loss", "hinge").summary()
    'Hinge loss (Lim & Ye 2017), as SAGAN and BigGAN use it.'
    """

    def __init__(self, found: Iterable[EntryPoint] | None = None) -> None:
        if found is None:
            installed = entry_points()  # once: each call reads the metadata of all distributions
            found = [
                point for group in GROUP_OF_ROLE.values() for point in installed.select(group=group)
            ]
        self._found = tuple(found)

    @cached_property
    def _offers(self) -> dict[tuple[str, str], list[EntryPoint]]:
        role_of_group = {group: role for role, group in GROUP_OF_ROLE.items()}
        offers: dict[tuple[str, str], list[EntryPoint]] = {}
        for point in self._found:
            if point.group in role_of_group:
                same_name = offers.setdefault((role_of_group[point.group], point.name), [])
                # A source checkout and its installation show the same distribution twice. Only
                # such doubles need its name, for which its metadata must be parsed.
                if not any(
                    point.value == other.value and _distribution(point) == _distribution(other)
                    for other in same_name
                ):
                    same_name.append(point)
        return offers

    def names(self, role: str) -> list[str]:
        """Return the names that distributions offer for a role, loaded or not."""
        return sorted(name for offered, name in self._offers if offered == role)

    def load(self, role: str, name: str) -> type[Component]:
        """Load the class of a name.

        Raises:
            PluginError: when it is unknown, offered by two distributions, broken, abstract, of
                another role, or written for another version of the contract.
        """
        if is_file_reference(name):
            written = name.partition("#")[0]
            value = written.rpartition(":")[2]
            with preserved_global_state():
                loaded = load_from_file(name)
            return check_component(role, f"the {role} {written}", value, loaded)
        points = self._offers.get((role, name))
        if points is None:
            raise PluginError(unknown(role, name, self.names(role)))
        if len(points) > 1:
            claims = " and ".join(f"{_distribution(p)} ({p.value})" for p in points)
            raise PluginError(f"the {role} {name!r} is offered by {claims}; uninstall one of them")
        return _load(role, points[0])

    def listings(self) -> Iterator[Listing]:
        """Load every component and yield its listing, in order of role and name."""
        for role, name in sorted(self._offers, key=lambda key: (list(ROLES).index(key[0]), key[1])):
            try:
                summary, refused = self.load(role, name).summary(), None
            except PluginError as error:
                summary, refused = "", str(error)
            for point in self._offers[role, name]:
                version = point.dist.version if point.dist else "?"
                yield Listing(role, name, _distribution(point), version, summary, refused)


def unknown(what: str, name: str, available: Iterable[str]) -> str:
    """Return a message that a name is unknown, with similar ones and all available ones.

    >>> unknown("generator", "dens", ["dense", "upconv"])
    "unknown generator 'dens'; did you mean 'dense'? (available: dense, upconv)"
    """
    available = sorted(available)
    listed = f" (available: {', '.join(available)})" if available else ""
    return f"unknown {what} {name!r}{did_you_mean(name, available)}{listed}"


def _load(role: str, point: EntryPoint) -> type[Component]:
    claim = f"the {role} {point.name!r} of {_distribution(point)}"
    try:
        with preserved_global_state():
            loaded = point.load()
    except Exception as error:  # a plugin may fail in any way; it is named, and the rest goes on
        raise PluginError(f"{claim} cannot be loaded: {type(error).__name__}: {error}") from error
    return check_component(role, claim, point.value, loaded)


def check_component(role: str, claim: str, value: str, loaded: Any) -> type[Component]:
    """Return a class that can be used in a role.

    Args:
        role: the role.
        claim: component and its origin, with which messages begin.
        value: place of the class.
        loaded: the class, or what was found in its place.

    Raises:
        PluginError: when it cannot be used.
    """
    if not (isinstance(loaded, type) and issubclass(loaded, ROLES[role])):
        raise PluginError(f"{claim} is {value}, which is no subclass of {ROLES[role].__name__}")
    if missing := sorted(getattr(loaded, "__abstractmethods__", ())):
        raise PluginError(f"{claim} is abstract: {value} lacks {', '.join(missing)}")
    if loaded.api_version != API_VERSION:
        raise PluginError(
            f"{claim} was written for version {loaded.api_version} of the plugin contract; "
            f"this gansearch offers version {API_VERSION}"
        )
    return loaded


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unnamed distribution"
