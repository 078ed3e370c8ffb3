"""Parts of the executor without Ray itself; tests/execution/test_executor.py has slots that die."""

import pickle
from types import SimpleNamespace

import pytest
from ray.exceptions import ActorDiedError, OutOfMemoryError, RayActorError

from gansearch.execution.ray.executor import CrashCallback, JobSearcher

SAID = """The actor died unexpectedly before finishing this task.
\tclass_name: Slot
\tip: 10.0.0.3
The actor died because its node has died. Some common causes include: (1) the process was killed."""
INIT = """The actor died because of an error raised in its creation task
ModuleNotFoundError: No module named 'x'"""


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (
            RayActorError(error_msg=SAID),
            "died",
            "its slot on Ray was lost: The actor died because its node has died.",
        ),
        (
            ActorDiedError(),
            "died",
            "its slot on Ray was lost: The actor died unexpectedly before finishing this task.",
        ),
        (
            OutOfMemoryError("2 workers\nwere killed"),
            "out-of-memory",
            "Ray ended its slot: 2 workers",
        ),
        (
            RayActorError(error_msg=INIT, actor_init_failed=True),
            "raised",
            "ModuleNotFoundError: No module named 'x'",
        ),
    ],
)
def test_the_crash_of_a_slot_is_read_from_the_error_of_ray(error, kind, message, tmp_path):
    (tmp_path / "error.pkl").write_bytes(pickle.dumps(error))
    trial = SimpleNamespace(config={"job": 7}, pickled_error_file=tmp_path / "error.pkl")
    crashes = CrashCallback()
    crashes.on_trial_error(1, [trial], trial)
    [(job, crash)] = crashes.take()
    assert (job, crash.kind, crash.message) == (7, kind, message)


def test_jobs_are_handed_to_tune_in_their_order_until_there_are_no_more():
    jobs = JobSearcher()
    for number in (3, 4):
        jobs.add(number)
    assert [jobs.suggest("a"), jobs.suggest("b"), jobs.suggest("c")] == [
        {"job": 3},
        {"job": 4},
        None,
    ]
    jobs.close()
    assert jobs.suggest("d") == jobs.FINISHED
