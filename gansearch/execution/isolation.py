"""Isolation of a worker from what its components may do: print, and start processes."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterable
from pathlib import Path

from gansearch.components import Component

OUTPUT = "output.txt"
"""File in the trial's folder with what its process has printed."""
LARGEST_OUTPUT = 1_000_000
"""Bytes that are kept; the rest is dropped."""


def lead_process_group() -> None:
    """Make this process the leader of a group, to which all processes that it starts belong."""
    with contextlib.suppress(OSError, AttributeError):
        os.setsid()


def end_process_group(leader: int) -> None:
    """Kill what a worker that has ended, or must end, has started and left running."""
    with contextlib.suppress(OSError, AttributeError):
        os.killpg(leader, signal.SIGKILL)


def keep_output(folder: Path) -> None:
    """Send what this process prints to a file in a folder, up to a limit, not to the terminal."""
    reads, writes = os.pipe()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os.dup2(writes, 1)
    os.dup2(writes, 2)
    os.close(writes)

    def drain() -> None:
        left = LARGEST_OUTPUT
        while text := os.read(reads, 65_536):
            # A full disk is no reason to block whoever prints.
            with contextlib.suppress(OSError):
                if left > 0:
                    with (folder / OUTPUT).open("ab") as file:
                        file.write(text[:left])
            left -= len(text)

    threading.Thread(target=drain, name="keep-output", daemon=True).start()


def blamed(error: BaseException, components: Iterable[Component]) -> str:
    """Return the component of a plugin in whose code an error was raised, as ` (in ...)`.

    Components that gansearch brings, and modules of nobody, are not blamed.
    """
    modules = {
        type(component).__module__.partition(".")[0]: component
        for component in components
        if not type(component).__module__.startswith("gansearch.")
    }
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if (component := modules.get(module)) is not None:
            kind = type(component)
            return f" (in the {component.role} {kind.__module__}:{kind.__qualname__})"
    return ""
