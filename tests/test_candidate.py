from dataclasses import replace

import pytest

from gansearch.components import Phase, Schedule
from gansearch.registry import Registry
from gansearch.study.component_choices import InvalidCandidateError
from gansearch.study.search_space import SearchSpace
from gansearch.testing import RandomSource


class Reconstructing(Schedule):
    """Asks for an objective that no plain loss has."""

    def phases(self, steps_per_epoch):
        return (Phase("discriminator", "discriminate"), Phase("generator", "reconstruct"))


def test_a_loss_has_what_a_plain_schedule_asks_for(make_space):
    assert make_space().baseline.missing_objectives() == []


def test_what_a_loss_lacks_is_named(make_space):
    assert replace(make_space().baseline, schedule=Reconstructing()).missing_objectives() == [
        "reconstruct"
    ]


def test_such_a_candidate_is_refused_before_it_is_trained(make_spec, monkeypatch):
    space = SearchSpace(make_spec(), Registry())
    option = space.options["schedule"][0]
    monkeypatch.setitem(
        space.options, "schedule", (replace(option, component=Reconstructing, domains={}),)
    )
    with pytest.raises(
        InvalidCandidateError, match="asks the loss for reconstruct, which 'bce' does not have"
    ):
        space.draw(RandomSource(0))
