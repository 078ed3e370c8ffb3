import pytest

from gansearch.near_names import near_names

METRICS = ["coverage", "discriminator_params", "fid", "generator_params", "kid", "mmd"]
FIELDS = ["batch_size", "discriminator_lr", "generator_lr", "latent", "width"]


@pytest.mark.parametrize(
    ("name", "available", "near"),
    [
        ("FID", METRICS, "fid"),
        ("generator-params", METRICS, "generator_params"),
        ("Generator Params", METRICS, "generator_params"),
        ("coverge", METRICS, "coverage"),
        ("params", METRICS, "generator_params"),
        ("lr", FIELDS, "generator_lr"),
        ("learning_rate", FIELDS, "generator_lr"),
        ("z_dim", FIELDS, "latent"),
        ("filters", FIELDS, "width"),
        ("batch", FIELDS, "batch_size"),
        ("wgan-gp", ["bce", "wasserstein-gp"], "wasserstein-gp"),
        ("LSGAN", ["bce", "least-squares"], "least-squares"),
        ("min", ["maximize", "minimize"], "minimize"),
        ("minimise", ["maximize", "minimize"], "minimize"),
    ],
)
def test_a_name_is_found_by_spelling_synonym_or_part(name, available, near):
    assert near_names(name, available)[0] == near


def test_nothing_is_near_a_name_that_is_like_none():
    assert near_names("xyzzy", METRICS) == near_names("", METRICS) == []
