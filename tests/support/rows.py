"""Signals of a step, written by hand."""

from gansearch.testing import DetectorContract

NAMES = ("d_loss_real", "d_loss_fake", "g_loss", "d_acc_real", "d_acc_fake", "dominance")
BALANCED = {name: DetectorContract.balanced[name] for name in NAMES}
DOMINATED = BALANCED | {"dominance": 0.01, "d_acc_real": 1.0, "d_acc_fake": 1.0, "g_loss": 6.0}
