"""A case: what is known of a run when it is asked what to try next."""

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

ACCURACIES = ("d_acc_real", "d_acc_fake")

LATELY = 400
"""Steps, or rows of a log, by whose signals a run is judged: the window of the detector of
convergence failure."""
WON = 0.1
"""Dominance below which the discriminator has won a step; 1.39 is balance."""


@dataclass(frozen=True)
class Case:
    """A run: the verdict on it, its signals and, where they are known, what was trained and on
    what.
    """

    verdict: Verdict
    rows: Sequence[Row]
    candidate: Candidate | None = None
    data: Data | None = None

    # ------------------------------------------------------------------ when a rule is asked

    def always(self) -> bool:
        return True

    def unwell(self) -> bool:
        return self.verdict.severity > 0

    def collapsed(self) -> bool:
        """Tell whether few samples differ, for certain or by suspicion."""
        if self.off_target() or not self.unwell():
            return False
        return self.verdict.status == "mode-collapse" or self.verdict.detector == "mode-collapse"

    def off_target(self) -> bool:
        """Tell whether samples are varied and nowhere near the data."""
        return self.verdict.status == "off-target"

    def dominated(self) -> bool:
        """Tell whether the run is unwell and the discriminator won half of the last steps or
        more.
        """
        return self.unwell() and 2 * sum(self._won) >= len(self._won) > 0

    def stuck(self) -> bool:
        """Tell whether the generator makes no progress, for whatever reason."""
        return self.collapsed() or self.off_target() or self.dominated()

    # ------------------------------------------------------------------ what the run showed

    @property
    def rule(self) -> str:
        """The rule that the verdict goes by."""
        return str(self.verdict.evidence.get("rule", self.verdict.status))

    @cached_property
    def won(self) -> str:
        """Sentence on how often the discriminator won of late, and with what accuracy."""
        told = f"the discriminator won {sum(self._won)} of the last {len(self._won)} steps"
        accuracies = [
            min(real, fake) for real, fake in zip(*map(self.lately, ACCURACIES), strict=False)
        ]
        return f"{told}, with an accuracy of {median(accuracies):.0%}" if accuracies else told

    @cached_property
    def _won(self) -> list[bool]:
        """True for each of the last judged steps that the discriminator won."""
        known = [value for row in self.rows if (value := dominance_of(row)) is not None]
        return [value < WON for value in known[-LATELY:]]

    def lately(self, signal: str) -> list[float]:
        """The last finite values of a signal."""
        return [row[signal] for row in self.rows if math.isfinite(row.get(signal, math.nan))][
            -LATELY:
        ]

    def typical(self, signal: str) -> float | None:
        """The median of the last values of a signal; None where it has none."""
        values = self.lately(signal)
        return median(values) if values else None

    # ------------------------------------------------------------------ what was trained

    def setting(self, role: str, name: str) -> Any:
        """The value of a component's field; None where it has none, or where no candidate is
        known.
        """
        component: Component | None = getattr(self.candidate, role, None)
        return (
            getattr(component, name) if component and name in type(component).model_fields else None
        )

    def number(self, role: str, name: str) -> float | None:
        """The same, where it is a number."""
        value = self.setting(role, name)
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    def use(self, role: str) -> str | None:
        """The name of a component, where a candidate is known."""
        return self.candidate.uses[role] if self.candidate else None

    def change(self, role: str, **fields: Any) -> Change:
        """New values for a component's fields, `use` for another component; empty where they would
        not be legal.
        """
        change: Change = {role: fields}
        try:
            return (
                change
                if fields and self.candidate is not None and _changed(self.candidate, change)
                else {}
            )
        except (PluginError, ValueError):
            return {}

    def resizing(self, role: str, **fields: Any) -> Change:
        """A change to a network's size; empty where it could not be built so, too."""
        change = self.change(role, **fields)
        try:
            if change and self.candidate is not None:
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
    """The candidate with a remedy's change made.

    Raises:
        PluginError: when a component that the change names is not installed.
        ValidationError: when a value is not legal for its field, or the component lacks the field.
    """
    return _changed(candidate, remedy.change)


def _changed(candidate: Candidate, change: Change) -> Candidate:
    components: dict[str, Any] = {
        role: _component(candidate, role, dict(fields)) for role, fields in change.items()
    }
    uses = {role: fields["use"] for role, fields in change.items() if "use" in fields}
    return replace(candidate, **components, uses={**candidate.uses, **uses})


def _component(candidate: Candidate, role: str, fields: dict[str, Any]) -> Component:
    """A role's component with these values; another one takes over the fields that both have."""
    present: Component = getattr(candidate, role)
    use = fields.pop("use", candidate.uses[role])
    kind = type(present) if use == candidate.uses[role] else Registry().load(role, use)
    kept = {
        name: value for name, value in present.model_dump().items() if name in kind.model_fields
    }
    return kind.model_validate(kept | fields)
