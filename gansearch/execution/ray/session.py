"""Ray for as long as a search lasts: a cluster's, or one of our own that leaves nothing behind."""

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
from gansearch.execution.local import count_cores, threads_each, workers_in_memory
from gansearch.files import passing_folder
from gansearch.study.spec import ExecutorSpec

OBJECT_STORE = 100_000_000
"""Bytes of shared memory for Ray's objects, of which we have hardly any; by default it takes 30% of all memory."""
REACHED_WITHIN = 10.0
"""Seconds within which a cluster has to answer."""
LONGEST_TEMPORARY = 20
"""Characters: the sockets of Ray lie 87 deeper, and the path of a socket has 107."""
PREFIX = "gansearch-ray-"


@contextlib.contextmanager
def ray_session(spec: ExecutorSpec) -> Iterator[Path]:
    """Be connected to Ray; gives a folder for what need not outlast that. One that is connected already stays so.

    Raises:
        GansearchError: when no cluster answers at the study's address.
    """
    with _temporary_folder() as folder:
        connected = ray.is_initialized()
        if not connected:
            with _own_signals():
                _start_here(spec, folder) if spec.address is None else _connect(spec.address)
        logging.getLogger("ray").setLevel(logging.CRITICAL)
        try:
            yield folder
        finally:
            if not connected:
                ray.shutdown()


def slots_in(spec: ExecutorSpec) -> int:
    """How many candidates Ray has room for.

    Raises:
        GansearchError: when it has none.
    """
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    fit = sum(_fit(spec, node["Resources"]) for node in nodes if node["Alive"])
    if fit == 0 and (spec.workers == "auto" or spec.address is None):
        asked = f"cpus: {spec.resources.cpus}, gpus: {spec.resources.gpus:g}"
        times = f"{spec.workers_per_candidate} times " if spec.workers_per_candidate > 1 else ""
        raise GansearchError(
            f"no node of Ray has {times}what executor.resources asks for a candidate ({asked})"
        )
    if spec.workers != "auto":
        return spec.workers
    return (
        fit if spec.address else max(1, min(fit, workers_in_memory() // spec.workers_per_candidate))
    )


def threads_in(spec: ExecutorSpec, slots: int) -> int:
    """Threads of each process: as many as its cpus, or fewer where a Ray of our own has been told of too many."""
    cpus = spec.resources.cpus
    return (
        cpus
        if spec.address
        else min(cpus, threads_each(count_cores(), slots * spec.workers_per_candidate))
    )


def _fit(spec: ExecutorSpec, node: dict[str, float]) -> int:
    """Candidates that a node has room for at a time; one is not spread over several."""
    cpus, gpus = (
        spec.workers_per_candidate * one for one in (spec.resources.cpus, spec.resources.gpus)
    )
    by_cpus = node.get("CPU", 0) // cpus
    return int(min(by_cpus, node.get("GPU", 0) // gpus) if gpus else by_cpus)


def _start_here(spec: ExecutorSpec, folder: Path) -> None:
    """Start a Ray of our own."""
    each = spec.workers_per_candidate * spec.resources.cpus
    asked = each if spec.workers == "auto" else spec.workers * each
    ray.init(
        address="local",
        num_cpus=max(count_cores(), asked),
        object_store_memory=OBJECT_STORE,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.CRITICAL,
        _temp_dir=str(folder),
    )


def _connect(address: str) -> None:
    """Join a cluster."""
    try:
        if address != "auto":  # Ray itself would go on trying for minutes
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), REACHED_WITHIN).close()
        ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
    except (OSError, ValueError, RuntimeError) as error:
        raise GansearchError(f"no Ray cluster answers at {address}: {error}") from error


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Keep our own handlers, which Ray replaces."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _temporary_folder() -> contextlib.AbstractContextManager[Path]:
    """A folder with a short path that is removed in the end; those that killed drivers have left go first."""
    parent = Path(tempfile.gettempdir())
    if len(str(parent)) > LONGEST_TEMPORARY:
        parent = Path("/tmp")
    return passing_folder(parent, PREFIX, secrets.token_hex(4))
