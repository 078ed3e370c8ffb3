"""Names of the latency figures, without torch, for the commands that only read them."""

from __future__ import annotations

BATCHES = (1, 64)
"""Batch sizes: one sample for an interactive use, and a batch for a server."""


def latency_name(batch: int) -> str:
    """Return the name of the latency of a batch, which is kept in milliseconds."""
    return f"latency_ms_{batch}"


LATENCIES = tuple(map(latency_name, BATCHES))
