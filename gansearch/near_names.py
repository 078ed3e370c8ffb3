"""Names that are near a name that nobody knows: other spellings, synonyms, and typing errors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

SYNONYMS: dict[str, tuple[str, ...]] = {
    "adversarial": ("bce",),
    "algorithm": ("sampler",),
    "alpha": ("slope",),
    "bayes": ("shrink", "tpe"),
    "bayesian": ("shrink", "tpe"),
    "batch": ("batch_size",),
    "bf16mixed": ("bf16",),
    "binarycrossentropy": ("bce",),
    "bfloat16": ("bf16",),
    "bs": ("batch_size",),
    "channels": ("width",),
    "conv": ("dcgan", "upconv", "downconv"),
    "convolutional": ("dcgan", "upconv", "downconv"),
    "crossentropy": ("bce",),
    "data": ("dataset",),
    "depth": ("layers", "levels"),
    "dir": ("root",),
    "directory": ("root",),
    "down": ("minimize",),
    "features": ("width", "extractor"),
    "filters": ("width",),
    "folder": ("root",),
    "float16": ("bf16",),
    "float32": ("fp32",),
    "fp16": ("bf16",),
    "gp": ("wasserstein-gp", "shrink"),
    "grid": ("one-at-a-time",),
    "half": ("bf16",),
    "higher": ("maximize",),
    "hiddendim": ("width",),
    "inception": ("imagenet",),
    "iterations": ("steps",),
    "larger": ("maximize",),
    "latentdim": ("latent",),
    "latentsize": ("latent",),
    "learningrate": ("generator_lr", "discriminator_lr"),
    "less": ("minimize",),
    "linear": ("dense",),
    "lower": ("minimize",),
    "lpips": ("mmd",),
    "lr": ("generator_lr", "discriminator_lr"),
    "lsgan": ("least-squares",),
    "max": ("maximize",),
    "method": ("sampler",),
    "min": ("minimize",),
    "mlp": ("dense",),
    "mse": ("least-squares",),
    "more": ("maximize",),
    "ndf": ("width",),
    "ngf": ("width",),
    "njobs": ("workers",),
    "noisedim": ("latent",),
    "nonsaturating": ("bce",),
    "ntrials": ("trials",),
    "numsamples": ("trials",),
    "nz": ("latent",),
    "numlayers": ("layers", "levels"),
    "params": ("generator_params", "discriminator_params"),
    "parameters": ("generator_params", "discriminator_params"),
    "path": ("root",),
    "pictures": ("folder", "images"),
    "imagefolder": ("folder",),
    "size": ("generator_params",),
    "smaller": ("minimize",),
    "up": ("maximize",),
    "wgan": ("wasserstein-gp",),
    "wgangp": ("wasserstein-gp",),
    "zdim": ("latent",),
    "zsize": ("latent",),
}
"""Names of other tools and papers, without capitals and signs, and the names that mean the same."""
NEAR = 3
"""Most names that are proposed."""


def near_names(name: str, available: Iterable[str]) -> list[str]:
    """Return the available names that somebody may have meant, the likeliest first.

    >>> near_names("FID", ["fid", "kid", "mmd"]), near_names("lr", ["generator_lr", "decay"])
    (['fid'], ['generator_lr'])
    """
    available = sorted(available)
    by_spelling: dict[str, list[str]] = {}
    for one in available:
        by_spelling.setdefault(_plain(one), []).append(one)
    plain = _plain(name)
    if plain in by_spelling:
        return by_spelling[plain][:NEAR]
    known = [one for one in SYNONYMS.get(plain, ()) if one in available]
    close = get_close_matches(plain, by_spelling, n=2)
    parts = _parts(name)
    holding = [one for one in available if parts and parts <= _parts(one)]
    found = [*known, *(one for spelling in close for one in by_spelling[spelling])]
    return list(dict.fromkeys(found or holding))[:NEAR]


def did_you_mean(name: str, available: Iterable[str]) -> str:
    """Return `; did you mean 'dense'?`, or an empty text if nothing is near."""
    near = near_names(name, available)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _parts(name: str) -> set[str]:
    return {part for part in re.split(r"[\W_]+", name.casefold()) if part}
