"""Python interface: search a study, and read a run as data frames.

The names here are exported by the package: `gansearch.load_study`, `run_study` and `open_run`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import pandas as pd
import yaml

from gansearch.cli.certification_progress import PlainCertification
from gansearch.cli.output import line_console, quiet_console
from gansearch.cli.plain_lines import PlainLines
from gansearch.cli.run_lookup import find_run, find_trial
from gansearch.environment_variables import runs_folder
from gansearch.export.trial_choice import best_trial, summary_of
from gansearch.ranking.certificate import Certificate
from gansearch.ranking.study_summary import RunSummary
from gansearch.registry import Registry
from gansearch.report.frames import front_frame, signals_frame, trials_frame
from gansearch.run import certifies_at_end, certify_study, time_budget
from gansearch.run import run_study as search_study
from gansearch.search.certification_plan import Choice
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trained_generator import TrainedGenerator
from gansearch.storage.trial_folder import TrialFolder
from gansearch.storage.trial_reader import read_records
from gansearch.study.spec import StudySpec
from gansearch.study.study import Study
from gansearch.trial_record import TrialRecord

StudyPath = str | PathLike[str]


def load_study(path: StudyPath, changes: Mapping[str, object] | None = None) -> Study:
    """Read a study file, check it, and load its data.

        study = gansearch.load_study("studies/smoke.yaml", {"search.trials": 4})

    Args:
        path: the study file.
        changes: values to use instead of those in the file, by key, as after `--set`.

    Raises:
        StudyError: with every mistake, each at its place in the file.
        DataError: if the data are missing or unreadable.
    """
    written = {key: yaml.safe_dump(value) for key, value in (changes or {}).items()}
    return Study.load(Path(path), [f"{key}={value}" for key, value in written.items()])


def run_study(
    study: Study | StudyPath,
    out: StudyPath | None = None,
    *,
    fresh: bool = False,
    certify: bool | None = None,
    progress: bool = True,
) -> StudyRun:
    """Search a study and certify its candidates, or continue an earlier run of it.

        run = gansearch.run_study("studies/smoke.yaml")
        run.trials()[["state", "verdict", "generator_params", "mmd"]]

    Works from a script without a main guard, from a notebook and from a test: workers do not import
    the caller's main module. After KeyboardInterrupt (Ctrl-C, or the notebook's stop button) the
    same call continues.

    Args:
        study: the study, or the path of its file.
        out: run folder; by default ./runs/, or that of GANSEARCH_RUNS, and the study's name.
        fresh: delete the trials of an earlier run in the folder first.
        certify: certify candidates with fresh seeds after the search; by default as the study says.
        progress: print a line for each start and end of a trial.

    Raises:
        StudyError: if the study is wrong.
        RunFolderError: if the folder holds another study, or another process works in it.
        GansearchError: if the search cannot go on.
    """
    began = time.monotonic()
    study = study if isinstance(study, Study) else load_study(study)
    place = runs_folder() / study.spec.name if out is None else Path(out)
    console = line_console() if progress else quiet_console()
    budget = time_budget(study, time.monotonic() - began)
    with PlainLines(study.spec, console, place) as lines:
        folder = search_study(study, place, lines, fresh=fresh, budget=budget)
    if certifies_at_end(study.spec) if certify is None else certify:
        choice, searched = Choice(), read_records(folder)
        with PlainCertification(study.spec, console, place, searched, choice) as listener:
            certify_study(study, folder, listener, choice, budget=budget)
    return StudyRun(folder)


def open_run(run: StudyPath) -> StudyRun:
    """Open a run folder, or the run of a study in ./runs by its name; a search may be under way.

        run = gansearch.open_run("shrink-generator")
        images = run.champion.generator().sample(latents)

    Raises:
        RunFolderError: if there is no such run.
    """
    return StudyRun(find_run(Path(run)))


@dataclass(frozen=True)
class StudyRun:
    """Run of a study. Everything is read from its folder at each call, so it follows a search."""

    folder: RunFolder

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    @property
    def study(self) -> StudySpec:
        """The study as it was run last."""
        return self.folder.spec()

    def summary(self) -> RunSummary:
        """Return front, knee, notable trials and certificates."""
        return summary_of(self.folder)

    def trials(self) -> pd.DataFrame:
        """Return all trials, a row each, by number.

        Columns are `state`, `verdict`, `verdict_step`, `reason`, `baseline`, `on_front`,
        `certified`, `share_of_baseline`; sizes, metrics and the means of the signals' last 100
        steps by their names; `steps`, `seconds`, `identity`; and the searched settings, such as
        `generator.width`.
        """
        frame = trials_frame(self.summary())
        return frame if frame.empty else frame.set_index("trial")

    def front(self) -> pd.DataFrame:
        """Return the Pareto front of the healthy trials, a row each, by number."""
        run = self.summary()
        frame = front_frame(run.front, run.summary)
        return frame if frame.empty else frame.set_index("trial")

    def signals(self, trial: int | None = None) -> pd.DataFrame:
        """Return the signals of a trial, or of all, a row a step, with columns `trial` and `step`.

        A trial writes its signals when it ends or is paused.

        Raises:
            RunFolderError: if there is no such trial.
        """
        if trial is None:
            return signals_frame(self.folder, read_records(self.folder))
        return signals_frame(self.folder, [find_trial(self.folder, trial)[0]])

    def trial(self, number: int) -> RunTrial:
        """Return a trial.

        Raises:
            RunFolderError: if there is none of this number.
        """
        return RunTrial(self.folder, find_trial(self.folder, number)[0])

    @property
    def champion(self) -> RunTrial | None:
        """Smallest trial that is certified and good enough; None while there is none."""
        record = self.summary().summary.champion
        return None if record is None else RunTrial(self.folder, record)

    @property
    def best(self) -> RunTrial:
        """The champion; else the smallest trial within tolerance, or the one of best quality.

        Raises:
            GansearchError: if no trial is healthy yet.
        """
        return RunTrial(self.folder, best_trial(self.folder, self.summary())[0])


@dataclass(frozen=True)
class RunTrial:
    """Trial of a run."""

    folder: RunFolder
    record: TrialRecord
    """All that is stored of it: `candidate`, `verdict`, `sizes`, `metrics`, `settings`, ..."""

    @property
    def number(self) -> int:
        """Number of the trial in its run."""
        return self.record.number

    @property
    def files(self) -> TrialFolder:
        """Files of the run that the trial's figures belong to."""
        return self.folder.trial(self.number).figured(self.record)

    @property
    def certificate(self) -> Certificate | None:
        """Result of its runs with fresh seeds; None if there were none."""
        return summary_of(self.folder).summary.certificates.get(self.number)

    def signals(self) -> pd.DataFrame:
        """Return its signals, a row a step; empty if it has not kept any."""
        return signals_frame(self.folder, [self.record])

    def samples(self) -> Sequence[Path]:
        """Return the pictures of its samples, oldest first."""
        return self.files.sample_grids()

    def generator(self) -> TrainedGenerator:
        """Load the trained generator on the CPU, in evaluation mode.

            generator = run.champion.generator()
            images = generator.sample(generator.draw_latents(64, seed=0))  # (64, C, H, W), uint8
            generator.network  # the nn.Module

        Raises:
            RunFolderError: if the trial did not come to the end of its training.
            PluginError: if a component of the candidate is not installed.
        """
        registry, dataset = Registry(), self.folder.spec().dataset
        location = registry.load("dataset", dataset.use).location  # type: ignore[attr-defined]
        place = {name: value for name, value in dataset.fields.items() if name in location}
        return TrainedGenerator.load(self.files, registry, place, trusted=self.folder.is_trusted)
