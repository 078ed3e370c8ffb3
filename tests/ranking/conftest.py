"""Records made by hand."""

from by_hand import study, trial

__all__ = ["study", "trial"]
