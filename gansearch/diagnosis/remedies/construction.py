"""Rules about what was built, and from what: networks, weights and data.

A rule gives its remedy where this run shows evidence for it, and None where it shows none. Where no
candidate is known, as with a log, it goes by the signals alone.
"""

from __future__ import annotations

from gansearch.components import Player
from gansearch.diagnosis.remedies.case import Case
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
"""Standard deviation of DCGAN's weights, and how far from it is near enough: a factor of four."""
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
    """An output that does not reach the values of the data, or goes beyond them."""
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
    """Too few samples to learn from."""
    if case.data is None or (count := len(case.data.train.samples)) >= SAMPLES_FEW:
        return None
    return Remedy(
        "take more data",
        f"it learned from {count} samples",
        f"{FAILURE_MODES}, ways to deal with mode collapse",
        {} if case.setting("dataset", "limit") is None else case.change("dataset", limit=None),
    )


def simpler_data(case: Case) -> Remedy | None:
    """Samples that have little in common."""
    labels = case.data.train.labels if case.data is not None and case.data.is_image else None
    classes = [] if labels is None else sorted(set(labels.tolist()))
    if case.candidate is not None and len(classes) < 2:
        return None
    told = f"it learned {len(classes)} classes at once; " if classes else ""
    return Remedy(
        "simplify the problem: train on one class first",
        f"{told}{case.rule}",
        f"{FACES}, conclusion; {DIFFICULTIES}, key takeaways",
        case.change("dataset", classes=classes[:1]),
    )


def larger_latent(case: Case) -> Remedy | None:
    """A latent so small that it restricts what can be said."""
    latent = case.number("generator", "latent")
    small = LATENT_SMALL if case.data is None else min(LATENT_SMALL, case.data.shape.numel)
    if latent is not None and latent >= small:
        return None
    return Remedy(
        f"give the generator a larger latent; {LATENT} values are usual",
        case.rule
        if latent is None
        else f"it had a latent of {latent:g}, to say all that is in the data",
        f"{FAILURE_MODES}, where a latent of 1 provokes the collapse; {DIFFICULTIES}",
        case.resizing("generator", latent=LATENT),
    )


def larger_generator(case: Case) -> Remedy | None:
    """Too little capacity."""
    if (
        case.weights is None
        or case.data is None
        or case.weights[0] >= WEIGHTS_PER_VALUE * case.data.shape.numel
    ):
        return None
    width = case.number("generator", "width")
    return Remedy(
        "give the generator more capacity",
        f"it has {case.weights[0]:,} weights for samples of {case.data.shape.numel:,} values",
        f"{FAILURE_MODES}, causes of convergence failure",
        {} if width is None else case.resizing("generator", width=2 * width),
    )


def balanced_weights(case: Case) -> Remedy | None:
    """A discriminator that outweighs the generator."""
    told = f"{case.won}; losses do not tell whether it is too large, or learns too fast"
    if case.candidate is not None:
        if case.weights is None or (ratio := case.weights[1] / case.weights[0]) <= BALANCE_LIMIT:
            return None
        generator, discriminator = case.weights
        told = (
            f"it has {discriminator:,}, {ratio:.2g} times the generator's {generator:,}; {case.won}"
        )
    return Remedy(
        "give the discriminator about half as many weights as the generator",
        told,
        f"{DIFFICULTIES}, key takeaways",
        case.resizing("discriminator", weight_ratio=BALANCE),
    )


def moderate_kernels(case: Case) -> Remedy | None:
    """Very small or very large kernels."""
    sizes = {
        (player, name): case.number(player, name)
        for player in PLAYERS
        for name in ("kernel", "head_kernel")
    }
    odd = {place: size for place, size in sizes.items() if _outside(size, KERNELS)}
    if not odd:
        return None
    told = [
        f"the {player}'s {name.replace('_', ' ')} is {size:g} wide"
        for (player, name), size in odd.items()
    ]
    changes: dict[str, dict[str, int]] = {}
    for player, name in odd:
        # The kernel of a layer that keeps the map's size is odd, as a rule.
        legal = [size for size in (KERNEL, KERNEL + 1) if case.resizing(player, **{name: size})]
        changes.setdefault(player, {}).update(dict.fromkeys([name], legal[0]) if legal else {})
    return Remedy(
        "take kernels that are neither very small nor very large",
        "; ".join(told),
        f"{FAILURE_MODES}, causes of convergence failure",
        {player: fields for player, fields in changes.items() if fields},
    )


def smaller_initialisation(case: Case) -> Remedy | None:
    """Weights that began far from N(0, 0.02); without a candidate, first-layer gradients of a scale
    that tells it.
    """
    if case.data is not None and not case.data.is_image:
        return None  # the advice is for DCGANs of images; networks for points train from Xavier's
    begun = {player: how for player in PLAYERS if (how := _odd_initialisation(case, player))}
    gradients = {player: case.typical(f"{player[0]}_first_grad_norm") for player in PLAYERS}
    suspicious = case.candidate is None and any(
        _outside(norm, GRADIENTS) for norm in gradients.values()
    )
    if not (begun or suspicious):
        return None
    told = [f"the {player}'s weights began as {how}" for player, how in begun.items()]
    told += [
        f"the {p}'s first layer had a gradient of norm {norm:.2g}"
        for p, norm in gradients.items()
        if norm
    ]
    return Remedy(
        f"begin with weights drawn from N(0, {INIT_STD})",
        "; ".join(told),
        f"{DIFFICULTIES}, key takeaways; {DCGAN}",
        {
            role: fields
            for p in begun
            for role, fields in case.change(p, init="normal", init_std=INIT_STD).items()
        },
    )


def _odd_initialisation(case: Case, player: Player) -> str:
    """Describe an unusual initialisation of a network's weights; empty for a usual one."""
    scheme, std = case.setting(player, "init"), case.number(player, "init_std")
    if scheme == "xavier":
        return "Xavier's"
    return f"N(0, {std:.3g})" if scheme == "normal" and _outside(std, INIT_STDS) else ""


def _outside(value: float | None, bounds: tuple[float, float]) -> bool:
    return value is not None and not bounds[0] <= value <= bounds[1]
