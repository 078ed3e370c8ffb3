"""Records made by hand."""

from support.by_hand import study, trial

__all__ = ["study", "trial"]
