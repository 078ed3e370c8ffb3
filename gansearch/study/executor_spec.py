"""The section `executor` of a study file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from gansearch.study.section import Section
from gansearch.study.urls import StorageUrl


class ResourcesSpec(Section):
    """Resources that Ray reserves for each process of a candidate."""

    cpus: Annotated[int, Field(ge=1)] = 1
    """Cores per process, each with one thread."""
    gpus: Annotated[float, Field(ge=0)] = 0
    """GPUs per process. With 0.25, four candidates share a GPU.

    A candidate that shares a GPU starts only when the memory it is estimated to need is free.
    """

    @field_validator("gpus")
    @classmethod
    def _check_share(cls, gpus: float) -> float:
        if gpus > 1 and not gpus.is_integer():
            raise ValueError("should be a share of one GPU, or a whole number of them")
        return gpus


class ExecutorSpec(Section):
    """Executor that trains the candidates, and its number of workers."""

    former_names: ClassVar[Mapping[str, str]] = {"silence_limit": "heartbeat_timeout"}

    use: Literal["local", "ray"] = "local"
    """`local` trains in processes on this machine, `ray` with Ray Tune here or on a cluster."""
    workers_per_candidate: Annotated[int, Field(ge=1)] = 1
    """Processes on one machine that train a candidate together, each on a share of every batch."""
    workers: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    """Candidates trained at the same time.

    On this machine, `auto` is one core per process, or one GPU if there are any, as far as memory
    allows. On Ray, it is as many candidates as fit into all nodes by their `resources`. With more
    workers than GPUs, a candidate starts only when the memory it is estimated to need is free.
    """
    heartbeat_timeout: Annotated[float, Field(gt=0)] | None = 600.0
    """Seconds without a heartbeat after which a trial is ended as hanging; null never ends it."""
    address: Annotated[str, Field(pattern=r"^(auto|[^\s/]+:[0-9]+)$")] | None = None
    """Ray only: `host:port` of the cluster, or `auto` for the cluster of this machine.

    Null starts Ray on this machine.
    """
    resources: ResourcesSpec = ResourcesSpec()
    """Ray only: resources of each process of a candidate."""
    storage_path: StorageUrl | None = None
    """Ray only: URL of a folder or an object store through which files of trials are transferred.

    Needed where nodes do not share the run folder; null lets every node write into it directly.
    """
