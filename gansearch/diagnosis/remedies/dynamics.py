"""Rules on learning: rates, turns, and limits of the discriminator.

A rule returns its remedy if the run shows evidence for it, else None. Where no candidate is known,
as with a log, the signals alone decide.
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import median

from gansearch.components import Schedule
from gansearch.diagnosis.remedies.case import WINDOW, WON, Case, Change
from gansearch.diagnosis.remedies.sources import (
    AE_GAN,
    COURSEWORK,
    DCGAN,
    DIFFICULTIES,
    FAILURE_MODES,
    FEATURE_MATCHING,
    PACGAN,
    SPECTRAL_NORM,
)
from gansearch.signals import Remedy, dominance_of

ADAM = {
    "generator_lr": (2e-3, 2e-4),
    "discriminator_lr": (2e-3, 2e-4),
    "generator_beta1": (0.5, 0.5),
    "discriminator_beta1": (0.5, 0.5),
}
"""Largest value of each field of a schedule that is not aggressive, and DCGAN's value."""
LOSING = 2.0
"""The generator's loss above which it loses; in balance it is 0.7, and 1 to 2 is usual."""
JUMP = 0.3
"""Typical change of the generator's loss from step to step, as a share of it. In sound runs it was
up to 0.26."""
BOTH_WON = 0.1
"""Share of steps won by both networks, from which they did not learn at the same time. In 47 runs
there was no such step."""
EPOCH = 1000
"""Steps per epoch with which phases are listed: more than any phase that is not given in epochs."""
FEW_STEPS = 500
"""Steps below which sound small generators still draw much the same everywhere."""


def every_batch(case: Case) -> Remedy | None:
    """Suggest alternating batches where each network learns alone for whole epochs.

    Without a candidate, steps that both networks won suggest it.
    """
    because = _both_won(case)
    if case.candidate is not None:
        because = _epochs_alone(case.candidate.schedule)
    if because is None:
        return None
    return Remedy(
        "let the networks take turns at every batch, not every epoch",
        because,
        f"{FAILURE_MODES}; {COURSEWORK} shows the opposite",
        case.change("schedule", use="alternating"),
    )


def _epochs_alone(schedule: Schedule) -> str | None:
    """Describe how long each network learns alone; None where it is less than an epoch."""
    phases = schedule.phases(EPOCH)
    turn = max(
        ((phase.period if phase.end is None else phase.end) - phase.begin for phase in phases),
        default=0,
    )
    if turn < EPOCH:
        return None
    epochs = "a whole epoch" if turn < 2 * EPOCH else f"{turn // EPOCH} whole epochs"
    return f"each of them learned alone for {epochs} at a time"


def _both_won(case: Case) -> str | None:
    """Count the steps that both networks won, as they cannot against each other; None for few."""
    pairs = [(dominance_of(row), row.get("g_loss", math.nan)) for row in case.rows[-WINDOW:]]
    both = sum(
        dominance is not None and dominance < WON and 0 <= loss < WON for dominance, loss in pairs
    )
    if not both or both < BOTH_WON * len(pairs):
        return None
    return (
        f"at {both} of the last {len(pairs)} steps both networks had losses near 0, "
        "as if each had met another one"
    )


def gentler_adam(case: Case) -> Remedy | None:
    """Suggest DCGAN's settings of Adam instead of aggressive ones."""
    settings = {name: case.number("schedule", name) for name in ADAM}
    odd = {
        name: value
        for name, value in settings.items()
        if value is not None and value > ADAM[name][0]
    }
    if not odd and (case.candidate is not None or case.verdict.status != "diverged"):
        return None
    return Remedy(
        "take Adam more gently: learning rates of 0.0002, beta1 of 0.5",
        "; ".join(f"{name} was {value:.3g}" for name, value in odd.items()) or case.rule,
        f"{DCGAN}; {FAILURE_MODES}, causes of convergence failure",
        case.change("schedule", **{name: ADAM[name][1] for name in odd}),
    )


def lower_learning_rates(case: Case) -> Remedy | None:
    """Suggest lower learning rates after large jumps of the generator's loss, or divergence."""
    jump = _jump(case)
    if jump < JUMP and case.verdict.status != "diverged":
        return None
    because = case.rule
    if jump >= JUMP:
        because = f"the generator's loss typically jumped by {jump:.0%} from one step to the next"
    rates = {name: case.number("schedule", name) for name in ("generator_lr", "discriminator_lr")}
    halved = {name: _halved(rate) for name, rate in rates.items() if rate is not None}
    change = case.change("schedule", **halved)
    return Remedy("halve the learning rates", because, AE_GAN, change)


def longer_training(case: Case) -> Remedy | None:
    """Suggest a longer training after few steps, or where the coverage was still rising."""
    steps, covered = len(case.rows), case.last_values("coverage")
    rising = len(covered) > 1 and covered[-1] > 1.5 * covered[0]
    if not (steps < FEW_STEPS or rising):
        return None
    because = f"it was trained for {steps:,} steps"
    if rising:
        because += f", over which its coverage rose from {covered[0]:.1%} to {covered[-1]:.1%}"
    return Remedy("train for longer", f"{because}; {case.rule}", DIFFICULTIES)


def packing(case: Case) -> Remedy | None:
    """Suggest packing to a discriminator that sees one sample at a time."""
    if (case.number("discriminator", "packing") or 1) > 1:
        return None
    return Remedy(
        "let the discriminator judge two samples at a time (packing)",
        f"one by one, it cannot see that samples repeat; {case.rule}",
        PACGAN,
        case.resizing("discriminator", packing=2),
    )


def slower_discriminator(case: Case) -> Remedy | None:
    """Suggest a lower learning rate of the discriminator."""
    rate = case.number("schedule", "discriminator_lr")
    change: Change = {}
    if rate is not None:
        change = case.change("schedule", discriminator_lr=_halved(rate))
    return Remedy("halve the discriminator's learning rate", case.dominance, DIFFICULTIES, change)


def spectral_norm(case: Case) -> Remedy | None:
    """Suggest spectral norm where scores of real and generated samples are known."""
    real, fake = case.median_of("d_logit_real"), case.median_of("d_logit_fake")
    if real is None or fake is None or case.setting("discriminator", "spectral_norm"):
        return None
    return Remedy(
        "bound the discriminator by spectral norm",
        f"its scores lay far apart: {real:+.1f} for real and {fake:+.1f} for generated samples",
        SPECTRAL_NORM,
        case.change("discriminator", spectral_norm=True),
    )


def feature_matching(case: Case) -> Remedy | None:
    """Suggest feature matching where the generator's loss is high."""
    loss = case.median_of("g_loss")
    if loss is None or loss <= LOSING or case.use("loss") == "feature-matching":
        return None
    # Any other loss has terms of its own, which it would lose.
    change: Change = {}
    if case.use("loss") == "bce":
        change = case.change("loss", use="feature-matching", ramp=0.5)
    return Remedy(
        "let the generator match features too, at first only a little",
        f"the generator's loss stood at {loss:.4g}, where 1 to 2 is usual",
        f"{DIFFICULTIES}; {FEATURE_MATCHING}",
        change,
    )


def stalled_discriminator(case: Case) -> Remedy | None:
    """Suggest a stalled discriminator instead of one that learns at every step."""
    if case.use("schedule") not in (None, "alternating"):
        return None
    since = case.verdict.evidence.get("winning_since")
    because = case.dominance
    if since is not None:
        because = f"it has been winning without a break since step {since}"
    return Remedy(
        "let the discriminator wait: it learns at every other step",
        because,
        DIFFICULTIES,
        case.change("schedule", use="stalled-discriminator", every=2),
    )


def _jump(case: Case) -> float:
    """Return the median change of the generator's loss between steps, as a share of its median.

    It is 0 where the loss crosses zero, as a critic's does, since its size then says nothing.
    """
    losses = case.last_values("g_loss")
    if len(losses) < 3 or min(losses) * max(losses) < 0:
        return 0.0
    level = median(map(abs, losses))
    if level == 0:
        return 0.0
    return median(abs(after - before) for before, after in pairwise(losses)) / level


def _halved(rate: float) -> float:
    return float(f"{rate / 2:.3g}")
