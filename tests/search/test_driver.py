import math
from dataclasses import replace

import pytest
from optuna.trial import TrialState
from support.stubs import InlineExecutor, KilledError, healthy

from gansearch.builtin.generators.dense import DenseGenerator
from gansearch.errors import GansearchError, MachineError, RunFolderError
from gansearch.messages import Crash, Outcome
from gansearch.search import driver
from gansearch.signals import Verdict
from gansearch.storage.trial_store import TrialStore

FAILED = Outcome(
    Verdict("mode-collapse", 12, {"coverage": 0.0}, "mode-collapse"), steps=12, seconds=0.1
)


def ended(store):
    """Return number, identity, state and metrics of each trial that has ended, in order."""
    return [(r.number, r.identity, r.state, dict(r.metrics)) for r in store.records() if r.ended]


def optuna_trials(store):
    return store._study.get_trials(deepcopy=False)


def test_the_baseline_is_trial_0(search):
    store = search(InlineExecutor())
    first = store.records()[0]
    assert first.baseline
    assert (first.parameters["generator.width"], first.parameters["generator.latent"]) == (64, 8)


def test_queued_candidates_come_right_after_the_baseline(search):
    store = search(InlineExecutor(), "queue=[{generator: {width: 8}}, {generator: {width: 24}}]")
    assert [record.parameters["generator.width"] for record in store.records()[:3]] == [64, 8, 24]


def test_a_search_has_as_many_trials_as_the_study_says(search):
    assert [record.state for record in search(InlineExecutor()).records()] == ["complete"] * 4


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_a_failed_candidate_is_told_as_pruned_with_a_violated_constraint(search, sampler):
    store = search(InlineExecutor(lambda job: FAILED), f"search.sampler={sampler}")
    trial = optuna_trials(store)[0]
    assert trial.state is TrialState.PRUNED
    assert trial.constraints["failure"] == 1.0
    record = store.records()[0]
    assert (record.state, record.verdict.status, record.verdict.evidence) == (
        "pruned",
        "mode-collapse",
        {"coverage": 0.0},
    )


def test_nsga2_which_reads_no_pruned_trials_is_told_complete_with_a_violated_constraint(search):
    store = search(InlineExecutor(lambda job: FAILED), "search.sampler=nsga2")
    trial = optuna_trials(store)[0]
    assert (trial.state, trial.constraints["failure"]) == (TrialState.COMPLETE, 1.0)
    assert trial.values[1] == math.inf
    assert store.records()[0].state == "pruned"


def test_a_run_that_ends_suspect_is_not_ranked(search):
    suspect = Outcome(
        Verdict("suspect", 3), steps=20, seconds=0.1, metrics={"sliced_wasserstein": 0.0}
    )
    assert search(InlineExecutor(lambda job: suspect)).records()[0].state == "pruned"


def test_a_healthy_candidate_violates_nothing(search):
    trial = optuna_trials(search(InlineExecutor(), "constraints={generator_params: {max: 5000}}"))[
        0
    ]
    assert set(trial.constraints) == {"failure", "invalid", "generator_params"}
    assert max(trial.constraints.values()) == 0


def test_a_crash_is_a_failure_with_its_reason_and_the_study_goes_on(search):
    def evaluate(job):
        return Crash("raised", "ValueError: no") if job.trial == 1 else healthy(job)

    records = search(InlineExecutor(evaluate)).records()
    assert [record.state for record in records] == ["complete", "failed", "complete", "complete"]
    assert records[1].reason == "raised: ValueError: no"


def test_a_plugin_that_cannot_even_be_counted_costs_its_candidates_alone(search, monkeypatch):
    build = DenseGenerator.build

    def fragile(self, images):
        if self.width > 32 and self.width != 64:
            raise RuntimeError("out of luck")
        return build(self, images)

    monkeypatch.setattr(DenseGenerator, "build", fragile)
    records = search(
        InlineExecutor(), "search.trials=12", "search.sampler=random", "search.seed=1"
    ).records()
    broken = [record for record in records if record.parameters["generator.width"] in (40, 48, 56)]
    assert broken
    assert {(r.state, r.reason) for r in broken} == {
        ("failed", "raised: RuntimeError: out of luck")
    }
    assert {record.state for record in records if record not in broken} == {"complete"}


def test_a_driver_killed_between_two_entries_of_the_queue_queues_the_others_later(
    search, monkeypatch
):
    queue = "queue=[{generator: {width: 8}}, {generator: {width: 24}}]"
    enqueue = TrialStore.enqueue

    def dies_at_the_second(self, parameters, **attributes):
        if parameters["generator.width"] == 8:
            raise KilledError
        enqueue(self, parameters, **attributes)

    with monkeypatch.context() as patch:
        patch.setattr(TrialStore, "enqueue", dies_at_the_second)
        with pytest.raises(KilledError):
            search(InlineExecutor(), queue)
    store = search(InlineExecutor(), queue)
    assert [record.parameters["generator.width"] for record in store.records()[:3]] == [64, 8, 24]


def test_the_traceback_of_a_crash_is_kept_beside_its_trial(search, tmp_path):
    search(InlineExecutor(lambda job: Crash("raised", "no", "Traceback: no")), "search.trials=1")
    assert (tmp_path / "run" / "trials" / "0000" / "error.txt").read_text() == "Traceback: no"


def test_after_a_crash_another_candidate_is_tried(search):
    records = search(InlineExecutor(lambda job: Crash("raised", "no")), "search.trials=6").records()
    assert len({record.identity for record in records}) == 6


def test_a_candidate_whose_process_dies_gets_one_more_chance(search):
    executor = InlineExecutor(
        lambda job: Crash("died", "SIGKILL") if job.trial in (1, 2) else healthy(job)
    )
    records = search(executor).records()
    assert [job.trial for job in executor.jobs] == [0, 1, 1, 2, 2, 3]
    assert [record.state for record in records] == ["complete", "failed", "failed", "complete"]
    assert search.audience.retries == [(1, "died: SIGKILL"), (2, "died: SIGKILL")]


def test_a_second_attempt_starts_from_the_checkpoint_of_the_first(search):
    executor = InlineExecutor(
        lambda job: Crash("died", "SIGKILL") if job.trial == 1 else healthy(job)
    )
    search(executor)
    assert executor.jobs[2].resume_from == executor.jobs[1].folder


def exhausting(*trials):
    """Trains all but these, whose GPU runs out of memory, though another's memory may have been in
    the way."""

    def evaluate(job):
        return (
            Crash("out-of-memory", "CUDA", crowded=not job.alone)
            if job.trial in trials and not job.alone
            else healthy(job)
        )

    return InlineExecutor(evaluate)


def test_a_candidate_whose_gpu_ran_out_of_memory_is_tried_again_from_its_checkpoint_and_alone(
    search,
):
    executor = exhausting(1)
    records = search(executor).records()
    assert [(job.trial, job.alone) for job in executor.jobs] == [
        (0, False),
        (1, False),
        (1, True),
        (2, False),
        (3, False),
    ]
    assert executor.jobs[2].resume_from == executor.jobs[1].folder
    assert [record.state for record in records] == ["complete"] * 4


def test_memory_that_runs_out_with_the_gpu_to_itself_is_the_candidates_own_failure(search):
    def evaluate(job):
        crash = Crash("out-of-memory", "CUDA", crowded=not job.alone)
        return crash if job.trial == 1 else healthy(job)

    executor = InlineExecutor(evaluate)
    records = search(executor).records()
    assert [job.alone for job in executor.jobs if job.trial == 1] == [False, True]
    assert (records[1].state, records[1].reason) == ("failed", "out-of-memory: CUDA")


def test_memory_of_the_host_that_runs_out_is_not_asked_for_again(search):
    def evaluate(job):
        return Crash("out-of-memory", "MemoryError") if job.trial else healthy(job)

    executor = InlineExecutor(evaluate)
    search(executor)
    assert [job.trial for job in executor.jobs] == [0, 1, 2, 3]


def test_one_that_dies_with_the_gpu_to_itself_is_tried_again_so(search):
    crashes = [Crash("out-of-memory", "CUDA", crowded=True), Crash("died", "SIGKILL")]

    def evaluate(job):
        return crashes.pop(0) if job.trial == 1 and crashes else healthy(job)

    executor = InlineExecutor(evaluate)
    search(executor)
    assert [job.alone for job in executor.jobs if job.trial == 1] == [False, True, True]


def test_one_that_was_interrupted_with_the_gpu_to_itself_goes_on_so(search):
    with pytest.raises(KilledError):
        search(replace(exhausting(1), dies_after=2))
    executor = exhausting()
    search(executor)
    assert executor.jobs[0].alone


def test_a_quality_that_is_no_number_never_reaches_the_storage(search):
    broken = Outcome(
        Verdict("healthy"), steps=20, seconds=0.1, metrics={"sliced_wasserstein": math.nan}
    )
    record = search(InlineExecutor(lambda job: broken)).records()[0]
    assert (record.state, record.reason) == ("failed", "no finite value of sliced_wasserstein")


def test_a_candidate_over_budget_is_refused_before_training(search):
    executor = InlineExecutor()
    store = search(executor, "constraints={generator_params: {max: 200}}", "search.trials=6")
    records = store.records()
    assert [job.trial for job in executor.jobs] == [record.number for record in records]
    assert [record.number for record in records] == list(range(6))
    assert all(record.sizes["generator_params"] <= 200 for record in records[1:])
    assert records[0].sizes["generator_params"] > 200, "the baseline is trained at any size"
    assert store.rejections()
    assert "is outside the study's constraint" in store.rejections()[0].reason


def test_a_space_that_hardly_meets_its_constraints_is_said_so(search, monkeypatch):
    monkeypatch.setattr(driver, "REJECTIONS_ALLOWED", 20)
    with pytest.raises(GansearchError, match="widen `constraints` or the search space"):
        search(
            InlineExecutor(), "constraints={generator_params: {max: 1}}", "search.sampler=random"
        )


@pytest.mark.parametrize(
    ("sampler", "lives"), [("tpe", [1, 3, 3]), ("nsga2", [0, 1]), ("random", [2])]
)
def test_a_driver_that_was_killed_goes_on_as_if_it_had_not_been(search, sampler, lives, tmp_path):
    settings = (f"search.sampler={sampler}", "search.trials=9", "search.startup_trials=3")
    for life in lives:
        with pytest.raises(KilledError):
            search(InlineExecutor(dies_after=life), *settings)
    resumed = search(InlineExecutor(), *settings)
    (tmp_path / "run").rename(tmp_path / "interrupted")
    whole = search(InlineExecutor(), *settings)
    assert ended(resumed) == ended(whole)
    assert len(ended(whole)) == 9
    assert {record.state for record in resumed.records()} <= {"complete", "failed"}


def test_more_trials_are_added_to_a_finished_study(search):
    search(InlineExecutor())
    assert len(ended(search(InlineExecutor(), "search.trials=7"))) == 7


def test_a_changed_study_is_refused_with_the_differences(search):
    search(InlineExecutor())
    with pytest.raises(RunFolderError, match=r"training.batch_size: 16 -> 8"):
        search(InlineExecutor(), "training.batch_size=8")


def test_a_search_that_is_asked_to_stop_leaves_its_trials_running(search):
    class Slow(InlineExecutor):
        asked = False

        def events(self, timeout):
            self.asked = True
            return []

    executor = Slow(slots=2)
    store = search(executor, stop=lambda: executor.asked)
    assert [record.state for record in store.records()] == ["running", "running"]
    resumed = InlineExecutor()
    assert len(ended(search(resumed))) == 4
    assert [(job.trial, job.resume_from == job.folder) for job in resumed.jobs] == [
        (0, True),
        (1, True),
        (2, False),
        (3, False),
    ]


def test_a_search_that_is_asked_to_stop_begins_nothing_more_in_the_slots_that_are_free(search):
    executor = InlineExecutor(slots=4)
    search(executor, stop=lambda: len(executor.jobs) == 2)
    assert len(executor.jobs) == 2


def test_two_places_are_given_two_candidates(search):
    executor = InlineExecutor(slots=2)
    search(executor)
    assert len({job.candidate.identity for job in executor.jobs}) == 4


ONE_AT_A_TIME = (
    "search={sampler: one-at-a-time, grid_levels: 3}",
    "generator.width={choices: [64, 8, 16]}",
)


def test_one_at_a_time_tries_every_variation_once_and_ends(search):
    records = search(InlineExecutor(), *ONE_AT_A_TIME).records()
    assert records[0].baseline and all(record.variation for record in records[1:])
    tried = [record.parameters for record in records]
    assert [p["generator.width"] for p in tried] == [64, 8, 16, 64, 64, 64, 64]
    assert [p["generator.latent"] for p in tried] == [8, 8, 8, 2, 8, 8, 8]
    assert [p["schedule.generator_lr"] for p in tried] == [2e-4, 2e-4, 2e-4, 2e-4, 1e-4, 1e-3, 1e-2]


def test_one_at_a_time_goes_no_further_than_the_study_says(search):
    assert len(search(InlineExecutor(), *ONE_AT_A_TIME, "search.trials=3").records()) == 3
    assert len(search(InlineExecutor(), *ONE_AT_A_TIME, "search.trials=5").records()) == 5


def test_a_variation_that_is_refused_does_not_stop_the_others(search):
    limits = "constraints={generator_params: {max: 400}}"
    store = search(InlineExecutor(), *ONE_AT_A_TIME, limits)
    records = store.records()
    assert (len(records), len(store.rejections())) == (3, 4)
    assert records[0].sizes["generator_params"] > 400, "the baseline is trained however large it is"


def test_a_search_driver_one_at_a_time_that_was_killed_leaves_nothing_out_and_repeats_nothing(
    search, tmp_path
):
    for life in (1, 3):
        with pytest.raises(KilledError):
            search(InlineExecutor(dies_after=life), *ONE_AT_A_TIME)
    resumed = search(InlineExecutor(), *ONE_AT_A_TIME)
    (tmp_path / "run").rename(tmp_path / "interrupted")
    whole = search(InlineExecutor(), *ONE_AT_A_TIME)
    assert sorted(ended(resumed), key=str) == sorted(ended(whole), key=str)
    assert len({identity for identity, *_ in ended(whole)}) == len(ended(whole)) == 7


SIX_CANDIDATES = (
    "generator.width={choices: [64, 8, 16]}",
    "schedule.generator_lr=0.001",
    "search.trials=20",
)


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_a_space_of_six_candidates_is_trained_once_each_and_said_to_be_exhausted(search, sampler):
    records = search(InlineExecutor(), *SIX_CANDIDATES, f"search.sampler={sampler}").records()
    assert len(records) == len({record.identity for record in records}) == 6
    assert search.audience.is_exhausted


def test_a_full_disk_stops_the_search_and_nothing_counts_against_a_candidate(search):
    full = Crash("machine", "OSError: [Errno 28] No space left on device")
    with pytest.raises(MachineError, match="No space left"):
        search(InlineExecutor(lambda job: full if job.trial == 1 else healthy(job)))
    store = search(InlineExecutor())
    assert [record.state for record in store.records()] == ["complete"] * 4
