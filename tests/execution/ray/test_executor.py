"""What is made of Ray's own words; what comes of a slot that really dies, test_executors shows."""

import pickle
from types import SimpleNamespace

import pytest
from ray.exceptions import ActorDiedError, OutOfMemoryError, RayActorError

from gansearch.execution.ray.executor import Jobs, _death

SAID = """The actor died unexpectedly before finishing this task.
\tclass_name: Slot
\tip: 10.0.0.3
The actor died because its node has died. Some common causes include: (1) the process was killed."""
INIT = "The actor died because of an error raised in its creation task\nModuleNotFoundError: No module named 'x'"


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
def test_how_a_slot_died_is_told_from_what_ray_says(error, kind, message, tmp_path):
    (tmp_path / "error.pkl").write_bytes(pickle.dumps(error))
    crash = _death(SimpleNamespace(pickled_error_file=tmp_path / "error.pkl"))
    assert (crash.kind, crash.message) == (kind, message)


def test_jobs_are_handed_out_first_come_first_served_until_there_are_no_more():
    jobs = Jobs()
    for ticket in (3, 4):
        jobs.hand_out(ticket)
    assert [jobs.suggest("a"), jobs.suggest("b"), jobs.suggest("c")] == [
        {"ticket": 3},
        {"ticket": 4},
        None,
    ]
    jobs.close()
    assert jobs.suggest("d") == jobs.FINISHED
