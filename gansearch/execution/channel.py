"""The line of a trial that several processes train: the first one talks, and all hear what it is told."""

from __future__ import annotations

from gansearch.messages import AtRung, Channel, Progress, StoppedError
from gansearch.training.distributed import Ranks


class SharedChannel:
    """A `Channel` for every rank; all of them have to use it at the same steps."""

    def __init__(self, line: Channel, ranks: Ranks) -> None:
        """Share a line.

        Args:
            line: the rank's own, which leads nowhere but for the first one.
            ranks: all that share it.
        """
        self._line, self._ranks = line, ranks

    def progress(self, progress: Progress) -> None:
        if self._ranks.agreed(self._is_stopped(progress)):
            raise StoppedError

    def at_rung(self, at_rung: AtRung) -> bool:
        word = self._ranks.agreed(self._word(at_rung))
        if word is None:
            raise StoppedError
        return word

    def at_work(self) -> None:
        self._line.at_work()

    def waiting(self) -> None:
        if self._ranks.agreed(self._is_stopped_waiting()):
            raise StoppedError

    def _is_stopped_waiting(self) -> bool:
        try:
            self._line.waiting()
        except StoppedError:
            return True
        return False

    def _is_stopped(self, progress: Progress) -> bool:
        try:
            self._line.progress(progress)
        except StoppedError:
            return True
        return False

    def _word(self, at_rung: AtRung) -> bool | None:
        try:
            return self._line.at_rung(at_rung)
        except StoppedError:
            return None
