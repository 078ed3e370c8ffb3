"""Connection to Ray for a search: to a cluster, or to a local Ray that ends with the search."""

from __future__ import annotations

import contextlib
import logging
import secrets
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray

from gansearch.errors import GansearchError
from gansearch.execution.local import count_cores, threads_per_process, workers_in_memory
from gansearch.files import passing_folder
from gansearch.study.spec import ExecutorSpec

OBJECT_STORE_MEMORY = 100_000_000
"""Bytes of shared memory for Ray's objects, of which we have few; its default is 30% of all."""
CONNECT_TIMEOUT = 10.0
"""Seconds within which a cluster has to answer."""
LONGEST_TEMPORARY_PATH = 20
"""Characters. Paths of Ray's sockets are 87 longer, and the limit of a socket's path is 107."""
PREFIX = "gansearch-ray-"


@contextlib.contextmanager
def ray_session(spec: ExecutorSpec) -> Iterator[Path]:
    """Connect to Ray; give a folder that is removed at the end. An existing connection stays.

    Folders that killed drivers have left behind are removed too.

    Raises:
        GansearchError: when no cluster answers at the study's address.
    """
    parent = Path(tempfile.gettempdir())
    if len(str(parent)) > LONGEST_TEMPORARY_PATH:
        parent = Path("/tmp")
    with passing_folder(parent, PREFIX, secrets.token_hex(4)) as folder:
        connected = ray.is_initialized()
        if not connected:
            with _signal_handlers_kept():
                if spec.address is None:
                    _start_ray(spec, folder)
                else:
                    _connect(spec.address)
        logging.getLogger("ray").setLevel(logging.CRITICAL)
        try:
            yield folder
        finally:
            if not connected:
                ray.shutdown()


def count_slots(spec: ExecutorSpec) -> int:
    """Return the number of candidates that Ray has room for.

    Raises:
        GansearchError: when it has none.
    """
    cpus = spec.workers_per_candidate * spec.resources.cpus
    gpus = spec.workers_per_candidate * spec.resources.gpus
    fit = 0
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    for node in nodes:
        if node["Alive"]:  # no candidate is spread over several nodes
            slots = node["Resources"].get("CPU", 0) // cpus
            if gpus:
                slots = min(slots, node["Resources"].get("GPU", 0) // gpus)
            fit += int(slots)
    if fit == 0 and (spec.workers == "auto" or spec.address is None):
        asked = f"cpus: {spec.resources.cpus}, gpus: {spec.resources.gpus:g}"
        times = ""
        if spec.workers_per_candidate > 1:
            times = f"{spec.workers_per_candidate} times "
        raise GansearchError(
            f"no node of Ray has {times}what executor.resources asks for a candidate ({asked})"
        )
    if spec.workers != "auto":
        return spec.workers
    if spec.address:
        return fit
    return max(1, min(fit, workers_in_memory() // spec.workers_per_candidate))


def threads_of_worker(spec: ExecutorSpec, slots: int) -> int:
    """Return the threads of each process: its `cpus`.

    A local Ray may be started with more CPUs than there are cores; then it is fewer.
    """
    cpus = spec.resources.cpus
    if spec.address:
        return cpus
    return min(cpus, threads_per_process(count_cores(), slots * spec.workers_per_candidate))


def _start_ray(spec: ExecutorSpec, folder: Path) -> None:
    """Start a local Ray."""
    cpus = spec.workers_per_candidate * spec.resources.cpus
    if spec.workers != "auto":
        cpus *= spec.workers
    ray.init(
        address="local",
        num_cpus=max(count_cores(), cpus),
        object_store_memory=OBJECT_STORE_MEMORY,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.CRITICAL,
        _temp_dir=str(folder),
    )


def _connect(address: str) -> None:
    """Connect to a cluster.

    Raises:
        GansearchError: when none answers at the address.
    """
    try:
        if address != "auto":  # Ray itself would go on trying for minutes
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), CONNECT_TIMEOUT).close()
        ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
    except (OSError, ValueError, RuntimeError) as error:
        raise GansearchError(f"no Ray cluster answers at {address}: {error}") from error


@contextlib.contextmanager
def _signal_handlers_kept() -> Iterator[None]:
    """Restore our signal handlers, which Ray replaces when it starts."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
