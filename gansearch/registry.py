"""Finding components: entry points in, classes out.

Every entry point is guarded by itself: a plugin that is broken is refused with the reason, and the
others stay usable.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points

from rapidfuzz import process

from gansearch.components import API_VERSION, ROLES, Component
from gansearch.errors import PluginError

GROUP_OF_ROLE = {role: f"gansearch.{role}s" for role in ROLES} | {"loss": "gansearch.losses"}


@dataclass(frozen=True)
class Listing:
    """One component as a user sees it: what offers it, and why it was refused if it was."""

    role: str
    name: str
    distribution: str
    version: str
    summary: str = ""
    refused: str | None = None


class Registry:
    """The components that installed distributions offer, loaded on demand."""

    def __init__(self, found: Iterable[EntryPoint] | None = None) -> None:
        installed = (
            point for group in GROUP_OF_ROLE.values() for point in entry_points(group=group)
        )
        self._found = tuple(installed if found is None else found)

    @cached_property
    def _offers(self) -> dict[tuple[str, str], list[EntryPoint]]:
        role_of_group = {group: role for role, group in GROUP_OF_ROLE.items()}
        offers: dict[tuple[str, str], list[EntryPoint]] = {}
        for point in self._found:
            if point.group in role_of_group:
                same_name = offers.setdefault((role_of_group[point.group], point.name), [])
                # A source checkout and its installation show the same distribution twice.
                if (_distribution(point), point.value) not in [
                    (_distribution(p), p.value) for p in same_name
                ]:
                    same_name.append(point)
        return offers

    def names(self, role: str) -> list[str]:
        """The names that some distribution offers for a role, loaded or not."""
        return sorted(name for offered, name in self._offers if offered == role)

    def load(self, role: str, name: str) -> type[Component]:
        """The class behind a name.

        Raises:
            PluginError: when it is unknown, claimed by two distributions, broken, or of another role
                or contract.
        """
        points = self._offers.get((role, name))
        if points is None:
            raise PluginError(unknown(role, name, self.names(role)))
        if len(points) > 1:
            claims = " and ".join(f"{_distribution(p)} ({p.value})" for p in points)
            raise PluginError(f"the {role} {name!r} is offered by {claims}; uninstall one of them")
        return _load(role, points[0])

    def listings(self) -> Iterator[Listing]:
        """Every component on offer, in order of role and name, each with what became of it."""
        for role, name in sorted(self._offers, key=lambda key: (list(ROLES).index(key[0]), key[1])):
            try:
                summary, refused = self.load(role, name).summary(), None
            except PluginError as error:
                summary, refused = "", str(error)
            for point in self._offers[role, name]:
                version = point.dist.version if point.dist else "?"
                yield Listing(role, name, _distribution(point), version, summary, refused)


def unknown(what: str, name: str, available: Iterable[str]) -> str:
    """Say that a name is unknown, with the near ones and all the available ones."""
    available = sorted(available)
    near = [match for match, _, _ in process.extract(name, available, limit=2, score_cutoff=60)]
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"unknown {what} {name!r}{hint} (available: {', '.join(available) or 'none'})"


def _load(role: str, point: EntryPoint) -> type[Component]:
    claim = f"the {role} {point.name!r} of {_distribution(point)}"
    try:
        loaded = point.load()
    except Exception as error:  # a plugin may fail in any way; it is named, and the rest goes on
        raise PluginError(f"{claim} cannot be loaded: {type(error).__name__}: {error}") from error
    if not (isinstance(loaded, type) and issubclass(loaded, ROLES[role])):
        raise PluginError(
            f"{claim} is {point.value}, which is no subclass of {ROLES[role].__name__}"
        )
    if loaded.api_version != API_VERSION:
        raise PluginError(
            f"{claim} was written for version {loaded.api_version} of the plugin contract; "
            f"this gansearch offers version {API_VERSION}"
        )
    return loaded


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "an unnamed distribution"
