"""Detector that asks for looks at chosen steps, whatever the length of the training."""

from gansearch.builtin.detectors.mode_collapse import ModeCollapse


class LooksEvery(ModeCollapse):
    """Mode collapse, looked for from one step on, at regular steps."""

    first: int = 5
    between: int = 5

    def probe_due(self, step, steps):
        return step >= self.first and (step - self.first) % self.between == 0
