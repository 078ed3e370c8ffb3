"""Measure how long the report of a run of many trials takes to write, to open and to draw.

    python benchmarks/report/measure.py              # 500 trials
    python benchmarks/report/measure.py 50 --keep report.html

The run is made up: trials as the driver records them, without training. The page is opened by a
headless Chromium; needs selenium, Chromium and its driver.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from optuna.samplers import RandomSampler
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from gansearch.export.report.page import report_html
from gansearch.signals import Verdict
from gansearch.storage.database import database_of
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_attributes import BASELINE
from gansearch.storage.trial_store import TrialStore
from gansearch.study.yaml_file import StudyDocument
from gansearch.trial_record import TrialRecord

HERE = Path(__file__).parent
REPEATS = 5
STUDY = """
name: many
dataset: {use: fashion-mnist}
generator:
  use: dcgan
  levels: 2
  width: {low: 2, high: 64, log: true}
  norm: {choices: [batch, none]}
discriminator: {use: dcgan, width: {low: 8, high: 64, log: true}}
loss: {use: bce}
schedule:
  use: alternating
  generator_lr: {low: 1.0e-4, high: 4.0e-3, log: true}
  discriminator_lr: {low: 1.0e-4, high: 4.0e-3, log: true}
objectives: [generator_params, mmd]
"""
WATCH = """
window.drawn = {};
new MutationObserver(() => {
  for (const place of document.querySelectorAll('.chart')) {
    if (!(place.id in window.drawn) && place.querySelector('svg path'))
      window.drawn[place.id] = performance.now();
  }
}).observe(document, {childList: true, subtree: true});
"""
"""Notes when each chart has its first marks, in milliseconds since the navigation began."""
CHARTS = "document.querySelectorAll('.chart:not(details:not([open]) *)')"
LATER = f"[...{CHARTS}].filter(chart => !(chart.id in window.drawn))"
"""Charts that nobody has scrolled to."""


def made_up_run(path: Path, count: int) -> RunFolder:
    """Write a run of so many trials, one in five of them failed."""
    spec = StudyDocument.parse(STUDY).spec()
    folder = RunFolder.create(path, spec)
    folder.write_study(spec)
    rng = np.random.default_rng(0)
    with TrialStore.open(database_of(path, None), spec.name, spec.objectives) as store:
        for number in range(count):
            width, other = (float(value) for value in 2 ** rng.uniform(1, 6, size=2))
            rates = 10 ** rng.uniform(-4, -2.4, size=2)
            parameters: dict[str, Any] = {
                "generator.width": int(width),
                "generator.norm": str(rng.choice(["batch", "none"])),
                "discriminator.width": int(other),
                "schedule.generator_lr": float(rates[0]),
                "schedule.discriminator_lr": float(rates[1]),
            }
            store.enqueue({}, **({BASELINE: True} if number == 0 else {}))
            asked = store.ask(RandomSampler())
            size = 40 * int(width) ** 2 + 900
            failed = number % 5 == 4
            mmd = float(20 + 4000 / size + 30 * rng.random())
            record = TrialRecord(
                number,
                "pruned" if failed else "complete",
                parameters,
                identity=f"{number:016x}",
                sizes={"generator_params": size},
                verdict=Verdict("mode-collapse", 600, {"rule": "it repeats"})
                if failed
                else Verdict("healthy"),
                metrics={} if failed else {"mmd": mmd},
                steps=600 if failed else 1500,
                seconds=30.0,
                baseline=number == 0,
            )
            values = None if failed else [size, mmd]
            store.tell(asked, record, values, {"failure": float(failed)})
            if failed:
                steps = np.arange(600)
                losses = rng.random((600, 3))
                folder.trial(number).write_signals(
                    [
                        {"d_loss_real": float(a), "d_loss_fake": float(b), "g_loss": float(c)}
                        for _, (a, b, c) in zip(steps, losses, strict=True)
                    ]
                )
    return folder


def open_page(page: Path) -> dict[str, float]:
    """Open a page in a new browser; return milliseconds to its front, and of processor time.

    Then scroll to the other charts, one by one, until all are drawn.
    """
    program = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        raise SystemExit("needs Chromium and its driver; apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--window-size=1400,1000"):
        options.add_argument(argument)
    options.binary_location = program
    browser = webdriver.Chrome(options=options, service=Service(driver))
    try:
        browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
        browser.get(page.absolute().as_uri())
        _wait(browser, "'chart-front' in window.drawn")
        script = "return performance.getEntriesByType('navigation')[0].domInteractive"
        parsed: float = browser.execute_script(script)
        front: float = browser.execute_script("return window.drawn['chart-front']")
        opened = _processor_time(browser)
        while browser.execute_script(f"return {LATER}.length"):
            browser.execute_script(f"{LATER}[0].scrollIntoView()")
            time.sleep(1.0)
        browser.execute_script("document.getElementById('trials').scrollIntoView()")
        time.sleep(1.0)
        return {
            "page parsed": parsed,
            "chart of the front": front,
            "CPU time of the page's thread, opened": opened,
            "CPU time of the page's thread, read to its end": _processor_time(browser),
        }
    finally:
        browser.quit()


def _wait(browser: webdriver.Chrome, script: str) -> None:
    while not browser.execute_script(f"return {script}"):
        time.sleep(1.0)  # each question takes time of the page's own thread
    time.sleep(1.0)


def _processor_time(browser: webdriver.Chrome) -> float:
    """Return the milliseconds of processor time that the page's thread has taken."""
    told = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    seconds: float = next(one["value"] for one in told if one["name"] == "TaskDuration")
    return 1000 * seconds


def main(trials: int, keep: Path | None) -> None:
    """Measure, print and record."""
    with TemporaryDirectory() as scratch:
        folder = made_up_run(Path(scratch) / "run", trials)
        started = time.perf_counter()
        html = report_html(folder)
        written = time.perf_counter() - started
        page = keep or Path(scratch) / "report.html"
        page.write_text(html, encoding="utf-8")
        opened = [open_page(page) for _ in range(REPEATS)]
    figures = {name: round(statistics.median(one[name] for one in opened)) for name in opened[0]}
    result = {
        "trials": trials,
        "megabytes": round(len(html.encode()) / 1e6, 2),
        "seconds to write": round(written, 2),
        "median milliseconds": figures,
        "repeats": REPEATS,
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(result, indent=1))
    kept = HERE / "results.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    kept.write_text(json.dumps(known | {str(trials): result}, indent=1) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("trials", nargs="?", type=int, default=500)
    parser.add_argument("--keep", type=Path, help="write the page here")
    arguments = parser.parse_args()
    main(arguments.trials, arguments.keep)
