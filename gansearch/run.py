"""The whole way from a study to its trials, and from these to their certificates, on one page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from gansearch.components import SizeMetric
from gansearch.storage.run_folder import RunFolder, TrialFolder
from gansearch.study.data_identity import DataIdentity
from gansearch.study.search_space import SearchSpace
from gansearch.study.spec import StudySpec
from gansearch.study.study import Study

if TYPE_CHECKING:
    from gansearch.execution.executor import Executor
    from gansearch.ranking.pareto import Objective
    from gansearch.search.certification import Choice, Plan
    from gansearch.search.driver import Driver, Listener
    from gansearch.search.feasibility import FeasibilityCheck
    from gansearch.search.pruning import RungPruner
    from gansearch.search.searcher import Searcher
    from gansearch.search.smallest_model import SmallestModelGoal
    from gansearch.search.tell_policy import TellPolicy
    from gansearch.storage.trial_store import TrialStore
    from gansearch.trial_record import TrialRecord


Stop = Callable[[], bool]
Folders = Callable[[int], TrialFolder]


def run_study(
    study: Study, path: Path, listener: Listener, *, fresh: bool = False, stop: Stop = lambda: False
) -> RunFolder:
    """Search until the study has its trials or `stop` says so, in a folder that is new or the study's own.

    Raises:
        RunFolderError: when the folder holds another study, or another process is at work in it.
    """
    from gansearch.storage.trial_store import TrialStore

    spec, executor = study.spec, executor_of(study)
    if fresh and path.exists():
        RunFolder.open(path, study.spec.storage).clear()
    folder = open_folder(study, path)
    with folder.locked(), TrialStore.open(folder.database, spec.name, spec.objectives) as store:
        certification = TrialStore.certification(folder.database, spec.name)
        runs = certification.records() if certification else ()
        with executor as trainer:
            search_of(study, store, folder.trial, trainer, listener, stop, runs).run()
    return folder


def open_folder(study: Study, path: Path) -> RunFolder:
    """Open the folder of a study's run, or create it.

    Raises:
        RunFolderError: when it holds another study, or trials on other data.
    """
    identity = DataIdentity.of(study.data)
    return RunFolder.create(path, study.spec, identity, study.space.dataset.location)


def certifies_at_end(spec: StudySpec) -> bool:
    """Whether a search ends with a certification; one that only compares what the study names does not."""
    from gansearch.search.samplers import KINDS

    return spec.certification.at_end and KINDS[spec.search.sampler].proposes


def certify_study(
    study: Study,
    folder: RunFolder,
    listener: Listener,
    choice: Choice,
    *,
    stop: Stop = lambda: False,
) -> None:
    """Train candidates of a search again, with fresh seeds, until they are decided or `stop` says so.

    Args:
        study: the one that was searched; what it says of certification may have changed since.
        folder: its own.
        listener: told of all that happens.
        choice: which candidates.
        stop: asked about four times a second whether to stop.

    Raises:
        RunFolderError: when another process is at work in the folder, or it holds another study.
    """
    from gansearch.search.certification import Plan
    from gansearch.storage.trial_store import TrialStore, certification_name

    spec = study.spec
    with open_folder(study, folder.path).locked():
        searched = TrialStore.read(folder.database, spec.name).records()
        plan = Plan(spec, searched, objective_axes(spec, study.space), choice)
        opened = TrialStore.open(folder.database, certification_name(spec.name), spec.objectives)
        with opened as store, executor_of(study, compares=False) as executor:
            certification_of(
                study, plan, store, folder.certification_run, executor, listener, stop
            ).run()


def search_of(
    study: Study,
    store: TrialStore,
    folders: Folders,
    executor: Executor,
    listener: Listener,
    stop: Stop = lambda: False,
    runs: Sequence[TrialRecord] = (),
) -> Driver:
    """The driver of a study's search: what is tried, what is refused, what is given up, what the sampler hears.

    `runs` are those of an earlier certification.
    """
    # Here and below, since what only looks at a study has no need to wait for them.
    from gansearch.search.driver import Driver
    from gansearch.search.feasibility import FeasibilityCheck
    from gansearch.search.rescue import Rescuer
    from gansearch.search.smallest_model import SmallestModelGoal

    spec, space = study.spec, study.space
    axes = objective_axes(spec, space)
    smallest = (
        SmallestModelGoal.of(spec, axes, store.records(), runs)
        if spec.search.aim == "smallest"
        else None
    )
    gate = FeasibilityCheck(
        space, study.sizes, spec.constraints, smallest.ceiling if smallest else None
    )
    agenda, rescuer = _agenda_of(study, gate, store, smallest), Rescuer(spec.search.rescue, gate)
    return Driver(
        agenda,
        gate,
        executor,
        *_judges(study, smallest),
        store,
        folders,
        listener,
        stop,
        rescuer,
    )


def _agenda_of(
    study: Study, gate: FeasibilityCheck, store: TrialStore, smallest: SmallestModelGoal | None
) -> Searcher:
    """What says which candidate is tried next."""
    from gansearch.search.bayesian.acquisition import Goal
    from gansearch.search.bayesian.candidate_pool import DrawnPool
    from gansearch.search.bayesian.searcher import BayesianSearcher
    from gansearch.search.searcher import SamplerSearcher

    spec, space = study.spec, study.space
    if spec.search.sampler != "shrink":
        return SamplerSearcher(spec.search, space, store)
    goal = Goal.of(spec, objective_axes(spec, space), smallest)
    steps = spec.training.in_steps(len(study.data.train.samples)).steps
    return BayesianSearcher(
        spec, space, store, goal, steps, DrawnPool(space, gate, goal.size.metric)
    )


def certification_of(
    study: Study,
    plan: Plan,
    store: TrialStore,
    folders: Folders,
    executor: Executor,
    listener: Listener,
    stop: Stop = lambda: False,
) -> Driver:
    """The driver of a certification: it takes what is planned, refuses nothing and rescues nobody."""
    from gansearch.search.certification import CertificationFeasibilityCheck, CertificationSearcher
    from gansearch.search.driver import Driver

    gate = CertificationFeasibilityCheck(plan, study.space, study.sizes, study.spec.constraints)
    return Driver(
        CertificationSearcher(plan, store),
        gate,
        executor,
        *_judges(study),
        store,
        folders,
        listener,
        stop,
    )


def _judges(
    study: Study, smallest: SmallestModelGoal | None = None
) -> tuple[RungPruner, TellPolicy]:
    """What gives up a run at a rung, and what says what an end means."""
    from gansearch.search.pruning import RungPruner
    from gansearch.search.samplers import KINDS
    from gansearch.search.tell_policy import TellPolicy

    spec = study.spec
    kind = KINDS[spec.search.sampler]
    teller = TellPolicy(spec.objectives, tuple(spec.constraints), kind)
    axes = objective_axes(spec, study.space)
    return RungPruner(spec.pruning, axes, spec.reference, kind.takes_up, smallest), teller


def executor_of(study: Study, *, compares: bool = True) -> AbstractContextManager[Executor]:
    """What trains the study's candidates, where the study says so; with `compares` it also measures them at rungs.

    Raises:
        GansearchError: when it cannot be had.
    """
    from gansearch.execution.open_executor import open_executor
    from gansearch.execution.trial_runner import TrialRunner
    from gansearch.search.samplers import KINDS

    spec, space = study.spec, study.space
    qualities = [axis.metric for axis in objective_axes(spec, space) if not axis.is_size]
    # Where all that is tried is named by the study, nothing is given up at a rung, so nothing is measured there.
    compared = qualities if compares and KINDS[spec.search.sampler].proposes else []
    rungs = spec.pruning.rungs
    evaluate = TrialRunner(spec.training, space.detectors, space.metrics, compared, rungs)
    return open_executor(evaluate, spec.executor, spec.training.device)


def objective_axes(spec: StudySpec, space: SearchSpace) -> tuple[Objective, ...]:
    """The study's objectives as axes along which trials are compared."""
    from gansearch.ranking.pareto import Objective

    return tuple(
        Objective(o.metric, o.direction, isinstance(space.metrics[o.metric], SizeMetric))
        for o in spec.objectives
    )
