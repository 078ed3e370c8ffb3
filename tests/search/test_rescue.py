"""Runs that end badly get a second one, with a remedy, in the same trial."""

import pytest
from optuna.trial import TrialState
from support.stubs import InlineExecutor, KilledError, RecordingChannel, healthy

from gansearch.execution.trial_runner import TrialRunner
from gansearch.messages import Crash, Outcome
from gansearch.registry import Registry
from gansearch.signals import Remedy, Verdict
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trained_generator import TrainedGenerator
from gansearch.storage.trial_folder import TrialFolder
from gansearch.trial_record import Rung

SLOWER = Remedy(
    "halve the rate", "it won 9 of 9 steps", "a document", {"schedule": {"discriminator_lr": 1e-4}}
)
LARGER = Remedy("more capacity", "it is small", "a document", {"generator": {"width": 64}})
BY_HAND = Remedy("take more data", "there is little", "a document")
ON = "search.rescue=suspect"
SMALLEST = (
    "baseline.generator.width=8",
    "baseline.generator.latent=2",
    "pruning.min_healthy_trials=1",
)


def badly(status="suspect", *remedies):
    return Outcome(Verdict(status, 7), steps=20, seconds=0.5, remedies=remedies or (SLOWER,))


def first_badly(status="suspect", *remedies, second=healthy):
    """All but the baseline end badly, and then as `second` says where a remedy was taken."""

    def evaluate(job):
        if job.trial == 0:
            return healthy(job)
        return second(job) if job.folder.name == "rescue" else badly(status, *remedies)

    return InlineExecutor(evaluate)


def test_a_suspect_run_that_comes_out_healthy_the_second_time_is_complete(search):
    store = search(first_badly(), ON, "search.trials=2")
    record = store.records()[1]
    assert (record.state, record.verdict.status) == ("complete", "healthy")
    assert record.candidate["schedule"]["discriminator_lr"] == 1e-4
    assert record.metrics["sliced_wasserstein"] > 0
    assert store._study.trials[1].values[1] == record.metrics["sliced_wasserstein"]
    assert store._study.trials[1].constraints["failure"] == 0


def test_the_record_tells_both_stories_and_counts_both_runs(search):
    record = search(first_badly(), ON, "search.trials=2").records()[1]
    rescue = record.rescue
    assert (rescue.remedy, rescue.succeeded, rescue.reason) == (SLOWER, True, "")
    assert (rescue.first.verdict.status, rescue.second.verdict.status) == ("suspect", "healthy")
    assert (rescue.first.steps, rescue.second.steps, record.steps) == (20, 20, 40)
    assert record.seconds == pytest.approx(0.6)


def test_the_second_run_has_a_folder_and_a_candidate_of_its_own(search, tmp_path):
    executor = first_badly()
    record = search(executor, ON, "search.trials=2").records()[1]
    trial = tmp_path / "run" / "trials" / "0001"
    first, second = (TrialFolder(f).read_json("candidate.json") for f in (trial, trial / "rescue"))
    assert second == record.candidate
    assert first == second | {"schedule": first["schedule"]}
    assert [job.folder for job in executor.jobs[1:]] == [trial, trial / "rescue"]
    assert executor.jobs[2].candidate.identity == record.identity


def test_the_parameters_stay_those_that_the_sampler_drew(search):
    rescued = search(first_badly(), ON, "search.trials=2", folder="rescued").records()[1]
    plain = search(first_badly(), "search.trials=2", folder="plain").records()[1]
    assert rescued.parameters == plain.parameters


def test_what_was_trained_is_told_with_the_remedys_values(search):
    gentle = Remedy(
        "gentle", "", "", {"schedule": {"generator_lr": 2e-4}, "discriminator": {"width": 8}}
    )
    record = search(first_badly("suspect", gentle), ON, "search.trials=2").records()[1]
    assert record.settings == record.parameters | {"schedule.generator_lr": 2e-4}
    failed = search(
        first_badly("suspect", gentle, second=lambda job: badly()),
        ON,
        "search.trials=2",
        folder="failed",
    )
    assert failed.records()[1].settings == failed.records()[1].parameters


def test_a_rescue_that_fails_leaves_the_first_story_and_tells_the_second(search):
    executor = first_badly("suspect", SLOWER, LARGER, second=lambda job: badly("mode-collapse"))
    store = search(executor, ON, "search.trials=2")
    record = store.records()[1]
    assert (record.state, record.verdict.status, record.steps) == ("pruned", "suspect", 40)
    assert record.rescue.second.verdict.status == "mode-collapse"
    assert not record.rescue.succeeded
    assert record.candidate["schedule"]["discriminator_lr"] == 2e-4
    assert record.remedies == (LARGER,), "what was tried already is not advised again"
    assert store._study.trials[1].state is TrialState.PRUNED


def test_there_is_one_rescue_at_most(search):
    executor = first_badly(second=lambda job: badly())
    search(executor, ON, "search.trials=2")
    assert [job.trial for job in executor.jobs] == [0, 1, 1]


def test_by_default_nothing_is_rescued(search):
    executor = first_badly()
    records = search(executor).records()
    assert len(executor.jobs) == 4
    assert {record.rescue for record in records} == {None}


@pytest.mark.parametrize(("wanted", "status", "runs"), [
    ("suspect", "suspect", 2),
    ("suspect", "mode-collapse", 1),
    ("all", "mode-collapse", 2),
    ("all", "suspect", 2),
])  # fmt: skip
def test_condemned_runs_are_rescued_where_the_study_says_all(search, wanted, status, runs):
    executor = first_badly(status)
    search(executor, f"search.rescue={wanted}", "search.trials=2")
    assert len(executor.jobs) == 1 + runs


def test_the_first_remedy_is_taken_that_leaves_generator_and_data_alone(search):
    data = Remedy("other data", "", "", {"dataset": {"samples": 800}})
    both = Remedy("both", "", "", {"generator": {"width": 64}, "discriminator": {"width": 8}})
    illegal = Remedy("illegal", "", "", {"discriminator": {"width": 0}})
    executor = first_badly("suspect", LARGER, data, BY_HAND, both, illegal, SLOWER)
    assert search(executor, ON, "search.trials=2").records()[1].rescue.remedy == SLOWER
    none = first_badly("suspect", LARGER, data, BY_HAND, both, illegal)
    assert search(none, ON, "search.trials=2", folder="none").records()[1].rescue is None


def test_a_remedy_that_breaks_a_constraint_is_passed_over(search):
    wide = Remedy("wide", "", "", {"discriminator": {"width": 1000}})
    limit = "constraints={discriminator_params: {max: 500}}"
    record = search(first_badly("suspect", wide, SLOWER), ON, limit, "search.trials=2").records()[1]
    assert record.rescue.remedy == SLOWER


def test_the_sizes_are_those_of_the_rescued_candidate(search):
    wide = Remedy("wide", "", "", {"discriminator": {"width": 20}})
    first, second = search(first_badly("suspect", wide), ON, "search.trials=2").records()
    assert first.sizes["discriminator_params"] == 65
    assert second.sizes["discriminator_params"] == 81


def test_what_others_are_held_against_is_never_rescued(search):
    executor = InlineExecutor(lambda job: badly())
    search(executor, "search={sampler: one-at-a-time, grid_levels: 2, rescue: all}")
    assert len({job.trial for job in executor.jobs}) == len(executor.jobs) > 1


def test_a_candidate_of_the_queue_is_rescued_too(search):
    record = search(
        first_badly(), ON, "queue=[{generator: {width: 8}}]", "search.trials=2"
    ).records()[1]
    assert (record.given, record.rescued) == (True, True)


def test_a_run_that_was_outdone_is_not_rescued(search):
    def evaluate(job):
        rung = Rung(5, {"sliced_wasserstein": 0.1 if job.trial == 0 else 9.0})
        return Outcome(
            Verdict("healthy"), 20, 0.1, (rung,), {"sliced_wasserstein": 0.1}, remedies=(SLOWER,)
        )

    executor = InlineExecutor(evaluate)
    records = search(executor, "search.rescue=all", *SMALLEST).records()
    assert any(record.dominated_by for record in records)
    assert len(executor.jobs) == len(records)


def test_a_crash_is_not_rescued(search):
    executor = InlineExecutor(lambda job: Crash("raised", "no"))
    search(executor, "search.rescue=all")
    assert len(executor.jobs) == 4


def test_a_second_run_that_is_stopped_at_a_rung_leaves_the_first_result(search):
    def second(job):
        return Outcome(
            Verdict("healthy"),
            20,
            0.1,
            (Rung(5, {"sliced_wasserstein": 9.0}),),
            {"sliced_wasserstein": 9.0},
        )

    def evaluate(job):
        if job.trial:
            return first_badly(second=second).trainings(job)
        return Outcome(
            Verdict("healthy"),
            20,
            0.1,
            (Rung(5, {"sliced_wasserstein": 0.1}),),
            {"sliced_wasserstein": 0.1},
        )

    record = search(InlineExecutor(evaluate), ON, *SMALLEST, "search.trials=2").records()[1]
    assert (record.state, record.verdict.status, record.dominated_by) == ("pruned", "suspect", ())
    assert "at step 5" in record.rescue.reason


def test_a_second_run_that_raises_leaves_the_first_story_and_its_traceback(search, tmp_path):
    executor = first_badly(second=lambda job: Crash("raised", "ValueError: no", "Traceback: no"))
    record = search(executor, ON, "search.trials=2").records()[1]
    assert (record.state, record.verdict.status) == ("pruned", "suspect")
    assert (record.rescue.second.verdict, record.rescue.reason) == (None, "raised: ValueError: no")
    assert (
        tmp_path / "run" / "trials" / "0001" / "rescue" / "error.txt"
    ).read_text() == "Traceback: no"


def test_a_second_run_that_cannot_be_measured_is_no_rescue(search):
    unmeasured = Outcome(Verdict("healthy"), 20, 0.1, metrics={"sliced_wasserstein": float("nan")})
    record = search(first_badly(second=lambda job: unmeasured), ON, "search.trials=2").records()[1]
    assert (record.state, record.rescue.reason) == (
        "pruned",
        "no finite value of sliced_wasserstein",
    )


def test_a_second_run_whose_process_dies_is_trained_again_once(search):
    executor = first_badly(second=lambda job: Crash("died", "SIGKILL"))
    records = search(executor, ON, "search.trials=2").records()
    assert (len(records), records[1].state) == (2, "pruned")
    assert records[1].rescue.reason == "died: SIGKILL"
    assert [job.folder.name for job in executor.jobs] == ["0000", "0001", "rescue", "rescue"]


@pytest.mark.parametrize("lives", [[2], [1, 2]])
def test_a_driver_killed_in_the_middle_of_a_rescue_goes_on_as_if_it_had_not_been(search, lives):
    for life in lives:
        executor = first_badly()
        executor.dies_after = life
        with pytest.raises(KilledError):
            search(executor, ON, folder="interrupted")
    resumed = [
        record
        for record in search(first_badly(), ON, folder="interrupted").records()
        if record.ended
    ]
    whole = search(first_badly(), ON, folder="whole").records()
    assert [(r.identity, r.state, r.rescue) for r in resumed] == [
        (r.identity, r.state, r.rescue) for r in whole
    ]
    assert len(whole) == 4


def test_a_listener_hears_of_a_rescue_between_the_two_runs(search):
    search(first_badly(), ON, "search.trials=2")
    assert search.audience.rescues == [(1, "suspect", "halve the rate")]
    assert [record.number for record in search.audience.records] == [0, 1]


def test_a_real_run_that_diverges_is_rescued_and_its_second_generator_is_the_trials(
    search, make_spec, make_space, tmp_path
):
    wild = (
        "schedule.discriminator_lr=0.5",
        "detectors=[{use: divergence, limit: 1, accuracy: 0.01, patience: 1}]",
        "search={trials: 2, rescue: all}",
    )
    spec, space = make_spec(*wild), make_space(*wild)
    judge = TrialRunner(spec.training, space.detectors, space.metrics)
    record = search(InlineExecutor(lambda job: judge(job, RecordingChannel())), *wild).records()[1]
    assert (record.state, record.rescue.first.verdict.status) == ("complete", "diverged")
    assert record.rescue.remedy.change["schedule"]["discriminator_lr"] == 2e-4
    files = RunFolder.open(tmp_path / "run").trial(1).figured(record)
    assert TrainedGenerator.load(files, Registry()).candidate.identity == record.identity
    assert len(files.signals()) == record.rescue.second.steps == 20
