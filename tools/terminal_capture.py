"""Run a command in a terminal of a given size and write what its screen shows, every few seconds.

    python tools/terminal_capture.py 80x24 5 screens -- gansearch run studies/smoke.yaml --fresh

The screens go to `screens/0001.txt` and so on; one that equals the one before is left out. The
terminal is emulated by pyte, which is among the test tools.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pexpect
import pyte


def main(size: str, seconds: float, target: Path, command: list[str]) -> None:
    """Capture the screens of a command until it ends."""
    columns, rows = map(int, size.split("x"))
    screen = pyte.Screen(columns, rows)
    stream = pyte.ByteStream(screen)
    target.mkdir(parents=True, exist_ok=True)
    child = pexpect.spawn(command[0], command[1:], dimensions=(rows, columns), timeout=None)
    shown, count, due = "", 0, time.monotonic() + seconds
    running = True
    while running:
        try:
            stream.feed(child.read_nonblocking(65536, timeout=0.2))
        except pexpect.TIMEOUT:
            pass
        except pexpect.EOF:
            running = False
        if time.monotonic() < due and running:
            continue
        due = time.monotonic() + seconds
        text = "\n".join(line.rstrip() for line in screen.display)
        if text != shown:
            shown, count = text, count + 1
            (target / f"{count:04d}.txt").write_text(text + "\n")


if __name__ == "__main__":
    after = sys.argv.index("--")
    size, every, folder = sys.argv[1:after]
    main(size, float(every), Path(folder), sys.argv[after + 1 :])
