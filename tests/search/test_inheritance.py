"""A candidate may begin with weights of a larger one."""

import pytest
import torch
from support.stubs import InlineExecutor, KilledError, Phone, healthy

from gansearch.candidate import Candidate
from gansearch.errors import RunFolderError
from gansearch.execution.trial_runner import TrialRunner
from gansearch.messages import Crash, Job, Outcome
from gansearch.ranking.pareto import Objective
from gansearch.registry import Registry
from gansearch.search.inheritance import Parents
from gansearch.signals import Remedy, Verdict
from gansearch.storage.run_folder import DISCRIMINATOR, GENERATOR
from gansearch.storage.trial_store import TrialRecord
from gansearch.training import checkpoint

ON = ("search.inherit=true", "search.sampler=random")
SLOWER = Remedy("halve the rate", "it won", "a document", {"schedule": {"discriminator_lr": 1e-4}})
AXES = (Objective("generator_params", "minimize", is_size=True), Objective("mmd", "minimize"))


@pytest.fixture
def find(make_space):
    """Finds the parent of a generator of this width and latent among others."""
    space, rate = make_space(), {"schedule.generator_lr": 1e-3}

    def record(number, width, latent, mmd=1.0, **changes):
        drawn = space.candidate({"generator.width": width, "generator.latent": latent, **rate})
        told = {role: fields | changes.get(role, {}) for role, fields in drawn.to_json().items()}
        told |= {role: change for role, change in changes.items() if "use" in change}
        candidate = Candidate.from_json(told, Registry())
        sizes = {"generator_params": width * (latent + 5) + 2}
        return TrialRecord(
            number, "complete", {}, candidate.to_json(), sizes=sizes, metrics={"mmd": mmd}
        ), candidate

    def find(child, *parents):
        own, candidate = record(99, *child)
        healthy = [record(i, *parent[:3], **dict(parent[3:])) for i, parent in enumerate(parents)]
        return Parents(space.dataset.load().shape, AXES).find(
            own, candidate, [told for told, _ in healthy]
        )

    return find


def test_the_parent_is_the_smallest_in_which_the_candidate_has_its_place(find):
    assert find((16, 2), (64, 8, 0.1), (32, 8, 0.9), (24, 8, 0.9), (8, 2, 0.1)) == 2


def test_what_is_narrower_anywhere_is_no_parent(find):
    assert find((16, 8), (64, 2, 0.1)) is None
    assert find((16, 8), (8, 8, 0.1)) is None


def test_one_of_the_same_size_is_no_parent(find):
    assert find((16, 8), (16, 8, 0.1)) is None


def test_of_equals_the_better_one_is_the_parent(find):
    assert find((16, 2), (32, 2, 0.5), (32, 2, 0.2), (32, 2, 0.4)) == 1


def test_other_layers_or_another_component_make_no_parent(find):
    assert find((16, 2), (32, 2, 0.5, ("generator", {"norm": "none"}))) is None
    assert find((16, 2), (32, 2, 0.5, ("discriminator", {"use": "downconv"}))) is None


def folders(executor):
    return {
        job.trial: None if job.parent is None else int(job.parent.name) for job in executor.jobs
    }


def test_a_proposed_candidate_is_given_its_parents_folder_and_the_record_tells_it(search):
    executor = InlineExecutor()
    records = search(executor, *ON).records()
    assert folders(executor) == {record.number: record.inherited_from for record in records}
    assert any(parent is not None for parent in folders(executor).values())


def test_by_default_nothing_is_inherited(search):
    executor = InlineExecutor()
    search(executor, "search.sampler=random")
    assert set(folders(executor).values()) == {None}


def test_what_the_study_names_begins_from_scratch(search):
    executor = InlineExecutor()
    search(executor, *ON, "queue=[{generator: {width: 8}}]", "search.trials=2")
    assert folders(executor) == {0: None, 1: None}


def test_what_did_not_come_out_healthy_leaves_nothing(search):
    executor = InlineExecutor(lambda job: Outcome(Verdict("mode-collapse", 3), 3, 0.1))
    search(executor, *ON)
    assert set(folders(executor).values()) == {None}


def test_another_try_keeps_the_parent_of_before(search):
    executor = InlineExecutor(
        lambda job: Crash("died", "SIGKILL") if job.trial == 2 else healthy(job)
    )
    records = search(executor, *ON).records()
    again = next(record for record in records if record.retry_of == 2)
    assert again.inherited_from == records[2].inherited_from == folders(executor)[again.number]


def test_a_second_run_begins_from_scratch(search):
    def evaluate(job):
        if job.trial == 0 or job.folder.name == "rescue":
            return healthy(job)
        return Outcome(Verdict("suspect", 3), 20, 0.1, remedies=(SLOWER,))

    executor = InlineExecutor(evaluate)
    records = search(executor, *ON, "search.rescue=suspect").records()
    first, second = (job for job in executor.jobs if job.trial == 1)
    assert (first.parent.name, second.parent) == ("0000", None)
    assert (records[1].rescued, records[1].inherited_from) == (True, None)


def test_a_child_of_a_rescued_trial_inherits_from_its_second_run(search):
    def evaluate(job):
        rescued = job.trial == 0 or job.folder.name == "rescue"
        return (
            healthy(job) if rescued else Outcome(Verdict("suspect", 3), 20, 0.1, remedies=(SLOWER,))
        )

    executor = InlineExecutor(evaluate)
    search(executor, *ON, "search.rescue=suspect", "search.trials=8")
    parents = {job.parent.parts[-2:] for job in executor.jobs if job.parent is not None}
    assert {folder for folder in parents if folder[-1] == "rescue"}
    assert all(folder == ("trials", "0000") or folder[-1] == "rescue" for folder in parents)


def test_a_driver_that_was_killed_chooses_the_same_parents(search):
    for life in (1, 3, 3):
        with pytest.raises(KilledError):
            search(InlineExecutor(dies_after=life), *ON, "search.trials=9", folder="interrupted")
    resumed = search(InlineExecutor(), *ON, "search.trials=9", folder="interrupted").records()
    whole = search(InlineExecutor(), *ON, "search.trials=9", folder="whole").records()
    identity = {record.number: record.identity for record in [*resumed]}
    own = {
        record.identity: identity.get(record.inherited_from) for record in resumed if record.ended
    }
    names = {record.number: record.identity for record in whole}
    assert own == {record.identity: names.get(record.inherited_from) for record in whole}


def train(make_spec, make_space, folder, width, bequeaths=False, parent=None):
    still = (
        "schedule.generator_lr=1.0e-12",
        "schedule.discriminator_lr=1.0e-12",
        "generator.norm=none",
    )
    space = make_space(*still, f"generator.width={width}", "baseline={generator: {latent: 8}}")
    judge = TrialRunner(make_spec().training, (), {}, bequeaths=bequeaths)
    folder.mkdir()
    return judge(Job(0, space.baseline, folder, parent=parent), Phone())


def test_a_worker_cuts_its_networks_out_of_those_that_the_parent_has_kept(
    make_spec, make_space, tmp_path
):
    train(make_spec, make_space, tmp_path / "parent", 16, bequeaths=True)
    train(make_spec, make_space, tmp_path / "child", 8, parent=tmp_path / "parent", bequeaths=True)
    for name, layer, left in ((GENERATOR, "0.weight", 8), (DISCRIMINATOR, "1.weight", 16)):
        parent, child = (
            checkpoint.load(tmp_path / folder, name)[layer] for folder in ("parent", "child")
        )
        torch.testing.assert_close(child, parent[:left])


def test_a_parent_whose_file_is_damaged_is_named(make_spec, make_space, tmp_path):
    (tmp_path / GENERATOR).write_bytes(b"nothing")
    with pytest.raises(
        RunFolderError, match=r"generator\.pt is missing or damaged, so nothing can be inherited"
    ):
        train(make_spec, make_space, tmp_path / "child", 8, parent=tmp_path)


def test_the_discriminator_is_kept_only_where_others_may_inherit_it(
    make_spec, make_space, tmp_path
):
    train(make_spec, make_space, tmp_path / "plain", 8)
    assert not list(tmp_path.rglob("discriminator.pt"))
