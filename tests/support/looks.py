"""Detectors that ask for looks at chosen steps, whatever the length of the training."""

from gansearch.builtin.detectors.divergence import Divergence
from gansearch.builtin.detectors.mode_collapse import ModeCollapse


class LooksEvery(ModeCollapse):
    """Mode collapse, looked for from one step on, at regular steps."""

    first: int = 5
    between: int = 5

    def probe_due(self, step, steps):
        return step >= self.first and (step - self.first) % self.between == 0


class LooksOnly(Divergence):
    """Divergence, with looks every five steps that it does not judge."""

    def probe_due(self, step, steps):
        return step % 5 == 0 and step < steps
