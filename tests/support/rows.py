"""Signals of a step, written by hand."""

BALANCED = {
    "d_loss_real": 0.6,
    "d_loss_fake": 0.6,
    "g_loss": 1.0,
    "d_acc_real": 0.75,
    "d_acc_fake": 0.75,
    "dominance": 1.2,
}
DOMINATED = BALANCED | {"dominance": 0.01, "d_acc_real": 1.0, "d_acc_fake": 1.0, "g_loss": 6.0}
