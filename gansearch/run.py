"""The whole data path on one page: from a study to its trials, and from these to certificates.

study.yaml -> Study -> driver: ask, check, train, compare, tell -> run folder
                                      ^
                    executor: workers that train and judge
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from gansearch.execution.executor import Executor, open_executor
from gansearch.execution.trial_runner import TrialRunner
from gansearch.export.champion import keep_champion
from gansearch.export.trackers.opening import tracker_listeners
from gansearch.report.formatting import escape_controls
from gansearch.search.bayesian.acquisition import Goal
from gansearch.search.bayesian.candidate_pool import RandomPool
from gansearch.search.bayesian.prior import Prior, study_prior
from gansearch.search.bayesian.searcher import BayesianSearcher
from gansearch.search.certification import CertificationFeasibilityCheck, CertificationSearcher
from gansearch.search.certification_plan import CertificationPlan, Choice
from gansearch.search.driver import Driver
from gansearch.search.feasibility import FeasibilityCheck
from gansearch.search.imported_trials import ImportReport, import_trials
from gansearch.search.listener import Listener, ListenerGroup
from gansearch.search.pruning import RungPruner
from gansearch.search.rescue import Rescuer
from gansearch.search.samplers import KINDS
from gansearch.search.searcher import SamplerSearcher, Searcher
from gansearch.search.smallest_model import SmallestModelGoal
from gansearch.search.tell_policy import TellPolicy
from gansearch.search.time_budget import TimeBudget
from gansearch.storage.database import database_of
from gansearch.storage.run_folder import LOG, PRIOR, RunFolder
from gansearch.storage.trial_attributes import certification_name
from gansearch.storage.trial_folder import TrialFolder
from gansearch.storage.trial_store import TrialStore, forget_run
from gansearch.study.data_identity import DataIdentity
from gansearch.study.durations import parse_duration
from gansearch.study.spec import StudySpec
from gansearch.study.study import Study
from gansearch.trial_record import TrialRecord

Stop = Callable[[], bool]
FolderOf = Callable[[int], TrialFolder]

log = logging.getLogger(__name__)


def run_study(
    study: Study,
    path: Path,
    listener: Listener,
    *,
    fresh: bool = False,
    stop: Stop = lambda: False,
    budget: TimeBudget | None = None,
) -> RunFolder:
    """Search until the study has its trials, its time is spent, or `stop` returns True.

    Args:
        study: the study.
        path: run folder, a new one or the study's own.
        listener: observes the search.
        fresh: forget the trials of an earlier run in the folder first.
        stop: asked about four times a second.
        budget: time of the search; by default `search.timeout`, from now on.

    Raises:
        RunFolderError: if the folder holds another study, or another process works in it.
    """
    spec, budget = study.spec, budget or time_budget(study)
    executor = study_executor(study)
    with RunFolder(path).locked():  # before anything in the folder is read or written
        if fresh:
            forget_run(RunFolder(path), spec.storage)
        folder = open_folder(study, path)
        prior = keep_prior(study, folder)
        database = database_of(folder.path, spec.storage)
        keep_study(study, folder)
        with (
            logged(folder),
            TrialStore.open(database, spec.name, spec.objectives) as store,
            executor as workers,
        ):
            certification = TrialStore.certification(database, spec.name)
            runs = certification.records() if certification else ()
            with tracker_listeners(folder, "trial", folder.trial) as trackers:
                group = ListenerGroup(listener, *trackers)
                search_driver(
                    study, store, folder.trial, workers, group, stop, runs, budget, prior
                ).run()
    return folder


def import_run(study: Study, path: Path, source: RunFolder, *, fresh: bool = False) -> ImportReport:
    """Take over trials of another run before a search, where they are trials of this study too.

    Args:
        study: the study.
        path: its run folder, a new one or the study's own.
        source: run folder of the other run, which is only read.
        fresh: forget the trials of an earlier run in the folder first.

    Raises:
        RunFolderError: if the figures of the studies do not compare, or the folder is in use.
    """
    spec = study.spec
    with RunFolder(path).locked():
        if fresh:
            forget_run(RunFolder(path), spec.storage)
        folder = open_folder(study, path)
        keep_prior(study, folder)
        database = database_of(folder.path, spec.storage)
        keep_study(study, folder)
        with logged(folder), TrialStore.open(database, spec.name, spec.objectives) as store:
            check = FeasibilityCheck(study.space, study.sizes, spec.constraints)
            policy = study_tell_policy(spec)
            return import_trials(study, source, store, folder.trial, check, policy)


def open_folder(study: Study, path: Path) -> RunFolder:
    """Open the folder of a study's run, or create it.

    Raises:
        RunFolderError: when it holds another study, or trials on other data.
    """
    identity = DataIdentity.of(study.data)
    return RunFolder.create(path, study.spec, identity, study.location)


def keep_study(study: Study, folder: RunFolder) -> None:
    """Keep a study, the identity of its data and its teacher; call it with the lock held."""
    if study.teacher is not None:
        folder.keep_teacher(study.teacher.files())
    folder.write_study(study.spec, DataIdentity.of(study.data))


def keep_prior(study: Study, folder: RunFolder) -> Prior | None:
    """Return a study's prior, and keep it before the first trial; call it with the lock held.

    Raises:
        RunFolderError: if an earlier run cannot be read or gives nothing, or what was kept is lost.
    """
    with logged(folder):
        prior = study_prior(study, folder)
        if prior is not None and not (folder.path / PRIOR).exists():
            for run in prior.runs:
                line = run.line(study.space.domains, prior.quality)
                log.log(logging.INFO if run.has_costs else logging.WARNING, "prior %s", line)
            folder.keep_prior(prior.dumped())
    return prior


def certifies_at_end(spec: StudySpec) -> bool:
    """Return True if the search ends with a certification.

    A study that only compares the candidates that it names, such as one of `one-at-a-time`, does
    not.
    """
    return spec.certification.at_end and KINDS[spec.search.sampler].proposes


def time_budget(study: Study, passed: float = 0.0) -> TimeBudget | None:
    """Begin the time that a study gives its search and certification; None where it gives none.

    Args:
        study: the study.
        passed: seconds of it that have passed already.
    """
    spec = study.spec
    if spec.search.timeout is None:
        return None
    steps = spec.training.in_steps(len(study.data.train.samples)).steps
    seconds = parse_duration(spec.search.timeout) - passed
    return TimeBudget(spec, steps, seconds, certifies=certifies_at_end(spec))


def certify_study(
    study: Study,
    folder: RunFolder,
    listener: Listener,
    choice: Choice,
    *,
    stop: Stop = lambda: False,
    budget: TimeBudget | None = None,
) -> bool:
    """Train candidates of a search again with fresh seeds, until each passes or no longer can.

    The champion, once there is one, is exported into the run folder. Returns False if something
    is left to train.

    Args:
        study: the study that was searched; its `certification` may have changed since.
        folder: its run folder.
        listener: observes the certification.
        choice: candidates to certify.
        stop: asked about four times a second.
        budget: time of the search, of which the certification takes what is left.

    Raises:
        RunFolderError: if another process works in the folder, or it holds another study.
    """
    if budget is not None and budget.is_over:
        return False
    spec = study.spec
    database = database_of(folder.path, spec.storage)
    name = certification_name(spec.name)
    with folder.locked(), logged(folder):
        folder = open_folder(study, folder.path)
        keep_study(study, folder)
        searched = TrialStore.read(database, spec.name).records()
        plan = CertificationPlan(spec, searched, study.objectives, choice)
        folder_of = folder.certification_run
        with (
            TrialStore.open(database, name, spec.objectives) as store,
            tracker_listeners(folder, "certification", folder_of) as trackers,
            study_executor(study, compares=False) as workers,
        ):
            if budget is not None:
                budget.begin_certification()
            group = ListenerGroup(listener, *trackers)
            certification_driver(study, plan, store, folder_of, workers, group, stop, budget).run()
            ended = [record for record in store.records() if record.ended]
            is_decided = plan.due(ended, ()) is None
        if is_decided and not stop():
            keep_champion(folder)
    return is_decided


# --------------------------------------------------------------------------------------------------
# The parts


def search_driver(
    study: Study,
    store: TrialStore,
    folder_of: FolderOf,
    executor: Executor,
    listener: Listener,
    stop: Stop = lambda: False,
    runs: Sequence[TrialRecord] = (),
    budget: TimeBudget | None = None,
    prior: Prior | None = None,
) -> Driver:
    """Assemble the driver of a search; `runs` are those of an earlier certification."""
    spec, objectives = study.spec, study.objectives
    smallest = None
    if spec.search.aim == "smallest":
        smallest = SmallestModelGoal.of(spec, objectives, store.records(), runs)
    feasibility = FeasibilityCheck(
        study.space, study.sizes, spec.constraints, smallest.ceiling if smallest else None
    )
    return Driver(
        searcher=study_searcher(study, feasibility, store, smallest, prior),
        feasibility=feasibility,
        executor=executor,
        pruner=study_pruner(study, smallest),
        tell_policy=study_tell_policy(spec),
        store=store,
        folder_of=folder_of,
        listener=listener,
        stop=stop,
        rescuer=Rescuer(spec.search.rescue, feasibility),
        budget=budget,
    )


def certification_driver(
    study: Study,
    plan: CertificationPlan,
    store: TrialStore,
    folder_of: FolderOf,
    executor: Executor,
    listener: Listener,
    stop: Stop = lambda: False,
    budget: TimeBudget | None = None,
) -> Driver:
    """Assemble the driver of a certification: it trains what is planned, and rescues nothing."""
    return Driver(
        searcher=CertificationSearcher(plan, store),
        feasibility=CertificationFeasibilityCheck(
            plan, study.space, study.sizes, study.spec.constraints
        ),
        executor=executor,
        pruner=study_pruner(study),
        tell_policy=study_tell_policy(study.spec),
        store=store,
        folder_of=folder_of,
        listener=listener,
        stop=stop,
        budget=budget,
    )


def study_searcher(
    study: Study,
    feasibility: FeasibilityCheck,
    store: TrialStore,
    smallest: SmallestModelGoal | None,
    prior: Prior | None = None,
) -> Searcher:
    """Return the searcher that a study asks for."""
    spec, space = study.spec, study.space
    if spec.search.sampler != "shrink":
        return SamplerSearcher(spec.search, space, store)
    goal = Goal.of(spec, study.objectives, smallest)
    steps = spec.training.in_steps(len(study.data.train.samples)).steps
    pool = RandomPool(space, feasibility, goal.size.metric)
    return BayesianSearcher(spec, space, store, goal, steps, pool, prior)


def study_pruner(study: Study, smallest: SmallestModelGoal | None = None) -> RungPruner:
    """Return the pruner that a study asks for."""
    spec = study.spec
    pauses = KINDS[spec.search.sampler].promotes
    return RungPruner(spec.pruning, study.objectives, spec.reference, pauses, smallest)


def study_tell_policy(spec: StudySpec) -> TellPolicy:
    """Return the tell policy of a study's sampler."""
    return TellPolicy(spec.objectives, tuple(spec.constraints), KINDS[spec.search.sampler])


def study_executor(study: Study, *, compares: bool = True) -> AbstractContextManager[Executor]:
    """Return the executor that a study asks for.

    Args:
        study: the study.
        compares: measure candidates at rungs too; a certification does not.

    Raises:
        GansearchError: if it cannot be opened.
    """
    spec, space = study.spec, study.space
    # A study that names all its candidates prunes none, so nothing needs to be measured at rungs.
    compares = compares and KINDS[spec.search.sampler].proposes
    measured = [o.metric for o in study.objectives if not o.is_size]
    runner = TrialRunner(
        spec.training,
        space.detectors,
        space.metrics,
        measured if compares else [],
        spec.pruning.rungs,
        study.extractor,
        study.teacher,
        study.kept_by,
    )
    return open_executor(runner, spec.executor, spec.training.device)


class _LogFile(logging.FileHandler):
    """File of log lines, which a full disk cuts short without ending the search."""

    def format(self, record: logging.LogRecord) -> str:
        return escape_controls(super().format(record))

    def handleError(self, record: logging.LogRecord) -> None:
        """Drop the line; what matters is written elsewhere too, and fails there."""


@contextmanager
def logged(folder: RunFolder) -> Iterator[None]:
    """Append the driver's log to the folder's run.log, one line an event."""
    handler = _LogFile(folder.path / LOG, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("gansearch")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(min(level or logging.INFO, logging.INFO))
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        with suppress(OSError):
            handler.close()
