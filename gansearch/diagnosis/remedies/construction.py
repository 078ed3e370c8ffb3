"""Rules on networks, weights and data.

A rule returns its remedy if the run shows evidence for it, else None. Where no candidate is known,
as with a log, the signals alone decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gansearch.components import Player
from gansearch.diagnosis.remedies.case import Case, Change
from gansearch.diagnosis.remedies.sources import DCGAN, DIFFICULTIES, FACES, FAILURE_MODES
from gansearch.signals import Remedy

PLAYERS: tuple[Player, Player] = ("generator", "discriminator")

REACHES = {
    "tanh": "reaches -1 to 1",
    "sigmoid": "reaches 0 to 1",
    "leaky_relu": "has no bounds",
    "none": "has no bounds",
}
INIT_STD, INIT_STDS = 0.02, (0.005, 0.08)
"""Standard deviation of DCGAN's weights, and the usual range: a factor of four around it."""
GRADIENTS = (1e-3, 1e2)
"""Norms of first-layer gradients beyond which their scale is suspicious where nothing else is
known."""
KERNEL, KERNELS = 4, (3, 7)
LATENT, LATENT_SMALL = 100, 16
SAMPLES_FEW = 1000
WEIGHTS_PER_VALUE = 4
"""Weights of a generator for each value of a sample, below which none was seen to train."""
BALANCE, BALANCE_LIMIT = 0.5, 0.75
"""Weights of the discriminator for each of the generator's."""


def matching_output(case: Case) -> Remedy | None:
    """Suggest an output activation with the range of the data's values."""
    output = case.setting("generator", "output")
    if output not in REACHES or case.data is None or not case.data.is_image:
        return None
    low, high = case.data.value_range
    wanted = "tanh" if low < 0 else "sigmoid"
    if output == wanted:
        return None
    return Remedy(
        "end the generator with an output that fits the data's values",
        f"its output, {output}, {REACHES[output]}, while pixels lie in {low:g} to {high:g}",
        f"{DCGAN}; {DIFFICULTIES}",
        case.change("generator", output=wanted),
    )


def more_data(case: Case) -> Remedy | None:
    """Suggest more data after a training on few samples."""
    if case.data is None or (count := len(case.data.train.samples)) >= SAMPLES_FEW:
        return None
    change: Change = {}
    if case.setting("dataset", "limit") is not None:
        change = case.change("dataset", limit=None)
    return Remedy(
        "take more data",
        f"it learned from {count} samples",
        f"{FAILURE_MODES}, ways to deal with mode collapse",
        change,
    )


def simpler_data(case: Case) -> Remedy | None:
    """Suggest a training on one class."""
    labels = case.data.train.labels if case.data is not None and case.data.is_image else None
    classes = [] if labels is None else sorted(set(labels.tolist()))
    if case.candidate is not None and len(classes) < 2:
        return None
    because = case.rule
    if classes:
        because = f"it learned {len(classes)} classes at once; {because}"
    return Remedy(
        "simplify the problem: train on one class first",
        because,
        f"{FACES}, conclusion; {DIFFICULTIES}, key takeaways",
        case.change("dataset", classes=classes[:1]),
    )


def larger_latent(case: Case) -> Remedy | None:
    """Suggest a larger latent where it is small or unknown."""
    latent = case.number("generator", "latent")
    small = LATENT_SMALL if case.data is None else min(LATENT_SMALL, case.data.shape.numel)
    if latent is not None and latent >= small:
        return None
    because = case.rule
    if latent is not None:
        because = f"it had a latent of {latent:g}, to say all that is in the data"
    return Remedy(
        f"give the generator a larger latent; {LATENT} values are usual",
        because,
        f"{FAILURE_MODES}, where a latent of 1 provokes the collapse; {DIFFICULTIES}",
        case.resizing("generator", latent=LATENT),
    )


def larger_generator(case: Case) -> Remedy | None:
    """Suggest a wider generator where it has few weights for the samples."""
    if case.weights is None or case.data is None:
        return None
    weights, values = case.weights[0], case.data.shape.numel
    if weights >= WEIGHTS_PER_VALUE * values:
        return None
    width = case.number("generator", "width")
    change = {} if width is None else case.resizing("generator", width=2 * width)
    return Remedy(
        "give the generator more capacity",
        f"it has {weights:,} weights for samples of {values:,} values",
        f"{FAILURE_MODES}, causes of convergence failure",
        change,
    )


def balanced_weights(case: Case) -> Remedy | None:
    """Suggest a smaller discriminator where it has more weights than usual for the generator."""
    because = f"{case.dominance}; losses do not tell whether it is too large, or learns too fast"
    if case.candidate is not None:
        if case.weights is None or (ratio := case.weights[1] / case.weights[0]) <= BALANCE_LIMIT:
            return None
        generator, discriminator = case.weights
        because = f"it has {discriminator:,}, {ratio:.2g} times the generator's {generator:,}"
        because += f"; {case.dominance}"
    return Remedy(
        "give the discriminator about half as many weights as the generator",
        because,
        f"{DIFFICULTIES}, key takeaways",
        case.resizing("discriminator", weight_ratio=BALANCE),
    )


def moderate_kernels(case: Case) -> Remedy | None:
    """Suggest moderate kernels instead of very small or very large ones."""
    sizes = {
        (player, name): case.number(player, name)
        for player in PLAYERS
        for name in ("kernel", "head_kernel")
    }
    odd = {place: size for place, size in sizes.items() if _outside(size, KERNELS)}
    if not odd:
        return None
    because = [
        f"the {player}'s {name.replace('_', ' ')} is {size:g} wide"
        for (player, name), size in odd.items()
    ]
    changes: dict[str, dict[str, int]] = {}
    for player, name in odd:
        # The kernel of a layer that keeps the map's size is odd, as a rule.
        legal = [size for size in (KERNEL, KERNEL + 1) if case.resizing(player, **{name: size})]
        if legal:
            changes.setdefault(player, {})[name] = legal[0]
    return Remedy(
        "take kernels that are neither very small nor very large",
        "; ".join(because),
        f"{FAILURE_MODES}, causes of convergence failure",
        changes,
    )


def smaller_initialisation(case: Case) -> Remedy | None:
    """Suggest weights drawn from N(0, 0.02) instead of an unusual initialisation.

    Without a candidate, first-layer gradients of an unusual scale suggest it.
    """
    if case.data is not None and not case.data.is_image:
        return None  # the advice is for DCGANs of images; networks for points train from Xavier's
    begun = {player: how for player in PLAYERS if (how := _odd_initialisation(case, player))}
    gradients = {player: case.median_of(f"{player[0]}_first_grad_norm") for player in PLAYERS}
    suspicious = case.candidate is None and any(
        _outside(norm, GRADIENTS) for norm in gradients.values()
    )
    if not (begun or suspicious):
        return None
    because = [f"the {player}'s weights began as {how}" for player, how in begun.items()]
    because += [
        f"the {player}'s first layer had a gradient of norm {norm:.2g}"
        for player, norm in gradients.items()
        if norm
    ]
    change: dict[str, Mapping[str, Any]] = {}
    for player in begun:
        change |= case.change(player, init="normal", init_std=INIT_STD)
    return Remedy(
        f"begin with weights drawn from N(0, {INIT_STD})",
        "; ".join(because),
        f"{DIFFICULTIES}, key takeaways; {DCGAN}",
        change,
    )


def _odd_initialisation(case: Case, player: Player) -> str:
    """Describe an unusual initialisation of a network's weights; empty for a usual one."""
    scheme, std = case.setting(player, "init"), case.number(player, "init_std")
    if scheme == "xavier":
        return "Xavier's"
    if scheme == "normal" and _outside(std, INIT_STDS):
        return f"N(0, {std:.3g})"
    return ""


def _outside(value: float | None, bounds: tuple[float, float]) -> bool:
    return value is not None and not bounds[0] <= value <= bounds[1]
