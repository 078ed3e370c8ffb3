"""Which executor a study gets."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from gansearch.errors import GansearchError
from gansearch.execution.executor import Executor
from gansearch.messages import Evaluate
from gansearch.study.spec import ExecutorSpec

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # sends nothing to anyone
    "RAY_AIR_NEW_OUTPUT": "0",  # what Tune prints is not for our terminal
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",  # nor what Ray prints, as of every dead slot: we tell it ourselves
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # writes no files of results
    "TUNE_GLOBAL_CHECKPOINT_S": "1e9",  # keeps no state of its own: the study is the truth
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # relative paths of a study stay what they are
}
OWN = {
    "RAY_memory_monitor_refresh_ms": "0",  # where memory runs out the system ends who has most, not Ray who came last
    "RAY_worker_niceness": "0",  # a training is worth what it is worth elsewhere; Ray's own is 15
}
PRIVATE = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # Ray's name for: listen on the loopback interface alone
    "RAY_AUTH_MODE": "token",  # so that other users of this machine cannot have code run either
}
"""What Ray reads when it is imported; set later, its parts would not agree."""


def open_executor(
    evaluate: Evaluate, spec: ExecutorSpec, device: str
) -> AbstractContextManager[Executor]:
    """The executor that a study asks for, for as long as it is needed.

    Args:
        evaluate: what it runs.
        spec: the study's `executor`.
        device: the study's `training.device`, by which the GPUs of this machine are shared out.

    Raises:
        GansearchError: when it is Ray's, and Ray is not installed.
    """
    if spec.use == "local":
        return _open_local(evaluate, spec, device)
    set_up_ray(own=spec.address is None)
    try:
        from gansearch.execution.ray.executor import ray_executor
    except ModuleNotFoundError as error:
        if error.name != "ray":
            raise
        raise GansearchError('the executor ray needs Ray: pip install "gansearch[ray]"') from None
    return ray_executor(evaluate, spec)


@contextmanager
def _open_local(evaluate: Evaluate, spec: ExecutorSpec, device: str) -> Iterator[Executor]:
    from gansearch.execution.local import LocalExecutor, Places, count_gpus

    places = Places.here(spec.workers, count_gpus(device), spec.workers_per_candidate)
    yield LocalExecutor(evaluate, places, spec.heartbeat_timeout)


def set_up_ray(*, own: bool) -> None:
    """Set what Ray reads from the environment; what the user has set stays."""
    settings = QUIET | (OWN if own else {})
    if own and "ray" not in sys.modules:
        settings |= PRIVATE | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
    for name, value in settings.items():
        os.environ.setdefault(name, value)
