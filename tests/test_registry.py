import sys
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from gansearch.builtin.generators.dense import DenseGenerator
from gansearch.components import Generator
from gansearch.errors import PluginError
from gansearch.registry import Registry


class Ancient(DenseGenerator):
    """Generator for an older version of the contract."""

    api_version = 0


class Unfinished(Generator):
    """Generator without the method that builds it."""

    latent: int = 4


def point(name, value, distribution="mine", group="gansearch.generators"):
    entry = EntryPoint(name, value, group)
    vars(entry).update(dist=SimpleNamespace(name=distribution, version="1.0"))
    return entry


GOOD = "gansearch.builtin.generators.dense:DenseGenerator"


def test_an_unknown_name_lists_the_near_and_the_available_ones():
    registry = Registry([point("dense", GOOD), point("upconv", GOOD)])
    with pytest.raises(
        PluginError,
        match=r"unknown generator 'dens'; did you mean 'dense'\? \(available: dense, upconv\)",
    ):
        registry.load("generator", "dens")


def test_two_distributions_that_offer_one_name_are_both_named():
    registry = Registry([point("dense", GOOD, "mine"), point("dense", "other:Dense", "theirs")])
    with pytest.raises(
        PluginError, match=r"offered by mine .* and theirs .*; uninstall one of them"
    ):
        registry.load("generator", "dense")


def test_one_distribution_seen_twice_is_no_conflict():
    registry = Registry([point("dense", GOOD), point("dense", GOOD)])
    assert registry.load("generator", "dense") is DenseGenerator


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("no_such_module:Thing", "'broken' of mine cannot be loaded: ModuleNotFoundError"),
        ("gansearch.registry:Registry", "no subclass of Generator"),
        ("gansearch.builtin.losses.hinge:Hinge", "no subclass of Generator"),
        (f"{__name__}:Unfinished", "is abstract: .*:Unfinished lacks build"),
        (f"{__name__}:Ancient", "written for version 0 of the plugin contract"),
    ],
)
def test_a_broken_plugin_is_refused_with_the_reason_and_the_others_stay(value, message):
    registry = Registry([point("broken", value), point("dense", GOOD)])
    with pytest.raises(PluginError, match=message):
        registry.load("generator", "broken")
    refused = {listing.name: listing.refused for listing in registry.listings()}
    assert refused["broken"]
    assert refused["dense"] is None


def test_a_plugin_that_fails_on_import_is_refused_with_its_error(tmp_path, monkeypatch):
    (tmp_path / "rude_plugin.py").write_text("raise RuntimeError('no licence')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PluginError, match="RuntimeError: no licence"):
        Registry([point("rude", "rude_plugin:Rude")]).load("generator", "rude")
    assert "rude_plugin" not in sys.modules


def test_every_built_in_component_can_be_loaded():
    assert [listing for listing in Registry().listings() if listing.refused] == []
