"""Rules about how the networks learn: rates, turns, and what the discriminator is allowed.

A rule gives its remedy where this run shows evidence for it, and None where it shows none. Where no
candidate is known, as with a log, it goes by the signals alone.
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import median

from gansearch.components import Schedule
from gansearch.diagnosis.remedies.case import LATELY, WON, Case
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
"""Fields of a schedule: the most that is not aggressive, and DCGAN's own."""
LOSING = 2.0
"""The generator's loss above which it loses; in balance it is 0.7, and 1 to 2 is usual."""
JUMP = 0.3
"""Typical change of the generator's loss from step to step, as a share of it. In sound runs it was
up to 0.26."""
BOTH_WON = 0.1
"""Share of steps at which both networks win, from which they did not learn side by side. In 47 runs
there was none."""
EPOCH = 1000
"""Steps of the epoch for which a schedule is asked its phases: more than any that is not told in
epochs."""


FEW_STEPS = 500
"""Steps below which sound small generators still draw much the same everywhere."""


def every_batch(case: Case) -> Remedy | None:
    """Networks that learn alone for whole epochs; without a candidate, losses that tell as much."""
    told = _both_won(case) if case.candidate is None else _epochs_alone(case.candidate.schedule)
    if not told:
        return None
    return Remedy(
        "let the networks take turns at every batch, not every epoch",
        told,
        f"{FAILURE_MODES}; {COURSEWORK} shows the opposite",
        case.change("schedule", use="alternating"),
    )


def _epochs_alone(schedule: Schedule) -> str:
    """That each network learns by itself for epochs on end, if it does."""
    phases = schedule.phases(EPOCH)
    turn = max(
        ((phase.period if phase.end is None else phase.end) - phase.begin for phase in phases),
        default=0,
    )
    epochs = "a whole epoch" if turn < 2 * EPOCH else f"{turn // EPOCH} whole epochs"
    return f"each of them learned alone for {epochs} at a time" if turn >= EPOCH else ""


def _both_won(case: Case) -> str:
    """That both networks won at the same steps, if they did, which against each other they
    cannot.
    """
    pairs = [(dominance_of(row), row.get("g_loss", math.nan)) for row in case.rows[-LATELY:]]
    both = sum(
        dominance is not None and dominance < WON and 0 <= loss < WON for dominance, loss in pairs
    )
    told = (
        f"at {both} of the last {len(pairs)} steps both networks had losses near 0, "
        "as if each had met another one"
    )
    return told if both and both >= BOTH_WON * len(pairs) else ""


def gentler_adam(case: Case) -> Remedy | None:
    """An optimizer that is too aggressive."""
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
    """A loss that goes up and down violently, or that left every range."""
    jump = _jump(case)
    if jump < JUMP and case.verdict.status != "diverged":
        return None
    rates = {name: case.number("schedule", name) for name in ("generator_lr", "discriminator_lr")}
    return Remedy(
        "halve the learning rates",
        case.rule
        if jump < JUMP
        else f"the generator's loss typically jumped by {jump:.0%} from one step to the next",
        AE_GAN,
        case.change(
            "schedule", **{name: _halved(rate) for name, rate in rates.items() if rate is not None}
        ),
    )


def longer_training(case: Case) -> Remedy | None:
    """Train for longer where samples were still on their way: few steps, or a rising coverage."""
    steps, covered = len(case.rows), case.lately("coverage")
    rising = len(covered) > 1 and covered[-1] > 1.5 * covered[0]
    if not (steps < FEW_STEPS or rising):
        return None
    told = f"it was trained for {steps:,} steps"
    if rising:
        told += f", over which its coverage rose from {covered[0]:.1%} to {covered[-1]:.1%}"
    return Remedy("train for longer", f"{told}; {case.rule}", DIFFICULTIES)


def packing(case: Case) -> Remedy | None:
    """A discriminator that sees one sample at a time, and so no repetition."""
    if (case.number("discriminator", "packing") or 1) > 1:
        return None
    return Remedy(
        "let the discriminator judge two samples at a time (packing)",
        f"one by one, it cannot see that samples repeat; {case.rule}",
        PACGAN,
        case.resizing("discriminator", packing=2),
    )


def slower_discriminator(case: Case) -> Remedy | None:
    """A discriminator that learns faster than the generator can follow."""
    rate = case.number("schedule", "discriminator_lr")
    change = {} if rate is None else case.change("schedule", discriminator_lr=_halved(rate))
    return Remedy("halve the discriminator's learning rate", case.won, DIFFICULTIES, change)


def spectral_norm(case: Case) -> Remedy | None:
    """A discriminator that may be as steep as it likes."""
    real, fake = case.typical("d_logit_real"), case.typical("d_logit_fake")
    if real is None or fake is None or case.setting("discriminator", "spectral_norm"):
        return None
    return Remedy(
        "bound the discriminator by spectral norm",
        f"its scores lay far apart: {real:+.1f} for real and {fake:+.1f} for generated samples",
        SPECTRAL_NORM,
        case.change("discriminator", spectral_norm=True),
    )


def feature_matching(case: Case) -> Remedy | None:
    """A generator whose one teacher only says no."""
    loss = case.typical("g_loss")
    if loss is None or loss <= LOSING or case.use("loss") == "feature-matching":
        return None
    # Any other loss has terms of its own, which it would lose.
    change = (
        case.change("loss", use="feature-matching", ramp=0.5) if case.use("loss") == "bce" else {}
    )
    return Remedy(
        "let the generator match features too, at first only a little",
        f"the generator's loss stood at {loss:.4g}, where 1 to 2 is usual",
        f"{DIFFICULTIES}; {FEATURE_MATCHING}",
        change,
    )


def stalled_discriminator(case: Case) -> Remedy | None:
    """A discriminator that never waits."""
    if case.use("schedule") not in (None, "alternating"):
        return None
    since = case.verdict.evidence.get("winning_since")
    return Remedy(
        "let the discriminator wait: it learns at every other step",
        case.won if since is None else f"it has been winning without a break since step {since}",
        DIFFICULTIES,
        case.change("schedule", use="stalled-discriminator", every=2),
    )


def _jump(case: Case) -> float:
    """The median change of the generator's loss between its steps, as a share of its median size.

    0 where the loss crosses zero, as a critic's does: then its size says nothing.
    """
    losses = case.lately("g_loss")
    level = median(map(abs, losses)) if len(losses) > 2 and min(losses) * max(losses) >= 0 else 0.0
    return (
        median(abs(after - before) for before, after in pairwise(losses)) / level if level else 0.0
    )


def _halved(rate: float) -> float:
    return float(f"{rate / 2:.3g}")
