"""Ray's settings, which it reads from the environment when it is imported. Does not import Ray."""

from __future__ import annotations

import os
import secrets
import sys

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # Ray sends no statistics
    "RAY_AIR_NEW_OUTPUT": "0",  # Tune prints nothing to the terminal
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",  # Ray prints no dead slots: the driver reports them
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # writes no files of results
    "TUNE_GLOBAL_CHECKPOINT_S": "1e9",  # keeps no state of its own: the study is the truth
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # relative paths of a study keep their meaning
}
OWN = {
    # Where memory runs out the system kills the largest process, not Ray the youngest one.
    "RAY_memory_monitor_refresh_ms": "0",
    # A training has the priority that it has on the local executor; Ray's default is 15.
    "RAY_worker_niceness": "0",
}
PRIVATE = {
    # Ray's name for: listen on the loopback interface only.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",  # so that other users of this machine cannot run code either
}


def set_ray_environment(*, starts_ray: bool) -> None:
    """Set Ray's environment variables; those that the user has set stay.

    Args:
        starts_ray: True when this process starts a Ray of its own, False for an existing cluster.
    """
    settings = QUIET | (OWN if starts_ray else {})
    if starts_ray and "ray" not in sys.modules:
        settings |= PRIVATE | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
    for name, value in settings.items():
        os.environ.setdefault(name, value)
