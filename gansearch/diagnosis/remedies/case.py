"""Run that remedies are sought for: its verdict and signals, and what was trained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median
from typing import Any

from gansearch.candidate import Candidate
from gansearch.components import Component, Data
from gansearch.errors import PluginError
from gansearch.registry import Registry
from gansearch.signals import Remedy, Row, Verdict, dominance_of

Change = Mapping[str, Mapping[str, Any]]
"""New values by role and field, `use` for another component."""

WINDOW = 400
"""Last steps, or rows of a log, by whose signals a run is judged; about the window of the detector
of convergence failure."""
WON = 0.1
"""Dominance below which the discriminator has won a step; 1.39 is balance."""


@dataclass(frozen=True)
class Case:
    """A run: verdict, signals and, where they are known, candidate and data."""

    verdict: Verdict
    rows: Sequence[Row]
    candidate: Candidate | None = None
    data: Data | None = None

    # ------------------------------------------------------------------ conditions of the rules

    def always(self) -> bool:
        """Return True."""
        return True

    def unhealthy(self) -> bool:
        """Return True if the run is suspect or has failed."""
        return self.verdict.severity > 0

    def collapsed(self) -> bool:
        """Return True after mode collapse, or a suspicion of it."""
        if self.off_target() or not self.unhealthy():
            return False
        return self.verdict.status == "mode-collapse" or self.verdict.detector == "mode-collapse"

    def off_target(self) -> bool:
        """Return True if samples are diverse and far from the data."""
        return self.verdict.status == "off-target"

    def dominated(self) -> bool:
        """Return True if an unhealthy run's discriminator won at least half of the last steps."""
        return self.unhealthy() and 2 * sum(self._won) >= len(self._won) > 0

    def stuck(self) -> bool:
        """Return True if the generator makes no progress, for any of these reasons."""
        return self.collapsed() or self.off_target() or self.dominated()

    # ------------------------------------------------------------------ signals of the run

    @property
    def rule(self) -> str:
        """Rule by which the verdict was given."""
        return str(self.verdict.evidence.get("rule", self.verdict.status))

    @cached_property
    def dominance(self) -> str:
        """Sentence on how often the discriminator won of late, and with what accuracy."""
        sentence = f"the discriminator won {sum(self._won)} of the last {len(self._won)} steps"
        real, fake = self.last_values("d_acc_real"), self.last_values("d_acc_fake")
        if accuracies := [min(pair) for pair in zip(real, fake, strict=False)]:
            sentence += f", with an accuracy of {median(accuracies):.0%}"
        return sentence

    @cached_property
    def _won(self) -> list[bool]:
        """True for each of the last judged steps that the discriminator won."""
        known = [value for row in self.rows if (value := dominance_of(row)) is not None]
        return [value < WON for value in known[-WINDOW:]]

    def last_values(self, signal: str) -> list[float]:
        """Return the last finite values of a signal, at most `WINDOW`."""
        finite = [row[signal] for row in self.rows if math.isfinite(row.get(signal, math.nan))]
        return finite[-WINDOW:]

    def median_of(self, signal: str) -> float | None:
        """Return the median of the last values of a signal; None where it has none."""
        values = self.last_values(signal)
        return median(values) if values else None

    # ------------------------------------------------------------------ candidate of the run

    def use(self, role: str) -> str | None:
        """Return the name of a component; None where no candidate is known."""
        return self.candidate.uses[role] if self.candidate else None

    def setting(self, role: str, name: str) -> Any:
        """Return a field of a component; None where it has none, or no candidate is known."""
        component: Component | None = getattr(self.candidate, role, None)
        if component is None or name not in type(component).model_fields:
            return None
        return getattr(component, name)

    def number(self, role: str, name: str) -> float | None:
        """Return a field of a component if it is a number, else None."""
        value = self.setting(role, name)
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    def change(self, role: str, **fields: Any) -> Change:
        """Return a change of a component; empty where it is not legal, or no candidate is known."""
        change: Change = {role: fields}
        if self.candidate is None or not fields:
            return {}
        try:
            _changed(self.candidate, change)
        except (PluginError, ValueError):
            return {}
        return change

    def resizing(self, role: str, **fields: Any) -> Change:
        """Return a change of a network's size; empty also where it could not be built so."""
        change = self.change(role, **fields)
        if self.candidate is None or not change:
            return {}
        try:
            self._weights_of(_changed(self.candidate, change))
        except ValueError:
            return {}
        return change

    @cached_property
    def weights(self) -> tuple[int, int] | None:
        """Weights of the generator and of the discriminator, where candidate and data are known."""
        return None if self.candidate is None else self._weights_of(self.candidate)

    def _weights_of(self, candidate: Candidate) -> tuple[int, int] | None:
        if self.data is None:
            return None
        import torch  # a log is judged without it

        with torch.device("meta"):
            networks = candidate.networks(self.data.shape)
        generator, discriminator = (
            sum(p.numel() for p in network.parameters()) for network in networks
        )
        return generator, discriminator


def applied(candidate: Candidate, remedy: Remedy) -> Candidate:
    """Return the candidate with a remedy's change.

    Raises:
        PluginError: when a component that the change names is not installed.
        ValidationError: when a value is not legal for its field, or the component lacks the field.
    """
    return _changed(candidate, remedy.change)


def _changed(candidate: Candidate, change: Change) -> Candidate:
    """Return a candidate with new values; another component keeps the fields that both have."""
    components: dict[str, Any] = {}
    uses = dict(candidate.uses)
    for role, fields in change.items():
        present: Component = getattr(candidate, role)
        uses[role] = fields.get("use", candidate.uses[role])
        kind = type(present)
        if uses[role] != candidate.uses[role]:
            kind = Registry().load(role, uses[role])
        kept = {k: value for k, value in present.model_dump().items() if k in kind.model_fields}
        given = {k: value for k, value in fields.items() if k != "use"}
        components[role] = kind.model_validate(kept | given)
    return replace(candidate, **components, uses=uses)
