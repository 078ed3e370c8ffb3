from dataclasses import replace

import pytest

from gansearch.components import Phase, Schedule
from gansearch.registry import Registry
from gansearch.study.component_choices import InvalidCandidateError
from gansearch.study.search_space import SearchSpace
from gansearch.testing import RandomSource


class Reconstructing(Schedule):
    """Schedule with a phase whose objective no plain loss has."""

    def phases(self, steps_per_epoch):
        return (Phase("discriminator", "discriminate"), Phase("generator", "reconstruct"))


def test_every_loss_has_the_objectives_of_a_plain_schedule(make_space):
    assert make_space().baseline.missing_objectives() == []


def test_an_objective_that_the_loss_lacks_is_named(make_space):
    assert replace(make_space().baseline, schedule=Reconstructing()).missing_objectives() == [
        "reconstruct"
    ]


def test_a_candidate_without_an_objective_of_its_schedule_is_refused(make_spec, monkeypatch):
    space = SearchSpace(make_spec(), Registry())
    option = space.options["schedule"][0]
    monkeypatch.setitem(
        space.options, "schedule", (replace(option, component=Reconstructing, domains={}),)
    )
    with pytest.raises(
        InvalidCandidateError,
        match="needs a loss with the method reconstruct, which 'bce' does not have",
    ):
        space.draw(RandomSource(0))
