"""The whole way from a study file to its trials, on one page."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gansearch.candidate import Candidate
from gansearch.components import Data, SizeMetric
from gansearch.document import StudyDocument
from gansearch.errors import Problem, StudyError
from gansearch.options import component_problems
from gansearch.registry import Registry
from gansearch.space import SearchSpace
from gansearch.storage.run_folder import DATABASE, TRIALS, RunFolder
from gansearch.study import StudySpec, missing_distributions

if TYPE_CHECKING:
    from gansearch.ranking.front import Axis
    from gansearch.search.driver import Driver, Listener
    from gansearch.search.executor import Executor
    from gansearch.storage.run_folder import TrialFolder
    from gansearch.storage.trials import TrialStore


@dataclass(frozen=True)
class Study:
    """A study that is ready to run: every name resolved, the data loaded, the baseline counted."""

    spec: StudySpec
    space: SearchSpace
    data: Data
    sizes: Callable[[Candidate], Mapping[str, float]]

    @classmethod
    def load(cls, path: Path, overrides: Sequence[str] = ()) -> Study:
        """Read a study file and check all that can be checked without training.

        Raises:
            StudyError: with every mistake, located.
            DataError: when the data is missing or unreadable.
        """
        from gansearch.evaluation.comparability import ComparableSizes
        from gansearch.evaluation.counting import SizeCounter

        document = StudyDocument.read(path, overrides)
        registry = Registry()
        missing = missing_distributions(document.tree)
        try:
            spec = document.spec()
        except StudyError as error:
            # Components of what is not installed are unknown; that it is missing says it all.
            others = missing or component_problems(document.tree, registry)
            raise document.error([*error.problems, *others]) from None
        if missing:
            raise document.error(missing)
        try:
            space = SearchSpace(spec, registry)
        except StudyError as error:
            raise document.error(error.problems) from None
        data = space.dataset.load()
        sizes = ComparableSizes(SizeCounter(data.shape, space.metrics), space.dataset, data)
        try:
            sizes(space.baseline)
        except ValueError as error:
            raise document.error([Problem(("baseline",), f"cannot be built: {error}")]) from None
        return cls(_counted(spec, space), space, data, sizes)


def _counted(spec: StudySpec, space: SearchSpace) -> StudySpec:
    """The study with the number of its trials, where that depends on how many variations there are."""
    if spec.search.sampler != "one-at-a-time":
        return spec
    search = spec.search.model_copy(update={"trials": len(space.given(spec.search))})
    return spec.model_copy(update={"search": search})


def run_study(
    study: Study, path: Path, listener: Listener, *, fresh: bool = False, stop: Callable[[], bool] = lambda: False
) -> RunFolder:
    """Search until the study has its trials or `stop` says so, in a folder that is new or the study's own.

    Raises:
        RunFolderError: when the folder holds another study, or another process is at work in it.
    """
    from gansearch.storage.trials import TrialStore

    spec = study.spec
    if fresh:
        _clear(path)
    folder = RunFolder.create(path, spec)
    with folder.locked():
        store = TrialStore.open(folder.database, spec.name, spec.objectives)
        search_of(study, store, folder.trial, executor_of(study), listener, stop).run()
    return folder


def search_of(
    study: Study,
    store: TrialStore,
    folders: Callable[[int], TrialFolder],
    executor: Executor,
    listener: Listener,
    stop: Callable[[], bool] = lambda: False,
) -> Driver:
    """The driver of a study's search: what is tried, what is refused, what is given up, what the sampler hears."""
    # Here and below, since what only looks at a study has no need to wait for them.
    from gansearch.search.agenda import SearchAgenda
    from gansearch.search.driver import Driver
    from gansearch.search.gate import Gate
    from gansearch.search.pruning import RungPruner
    from gansearch.search.samplers import KINDS
    from gansearch.search.telling import Teller

    spec, space = study.spec, study.space
    return Driver(
        SearchAgenda(spec.search, space, store),
        Gate(space, study.sizes, spec.constraints),
        executor,
        RungPruner(spec.pruning, objective_axes(spec, space)),
        Teller(spec.objectives, tuple(spec.constraints), KINDS[spec.search.sampler]),
        store,
        folders,
        listener,
        stop,
    )


def executor_of(study: Study) -> Executor:
    """What trains the study's candidates, where the study says so."""
    from gansearch.search.evaluate import TrainAndJudge
    from gansearch.search.local import LocalExecutor, Places, count_gpus
    from gansearch.search.samplers import KINDS

    spec, space = study.spec, study.space
    qualities = [axis.metric for axis in objective_axes(spec, space) if not axis.is_size]
    # Where all that is tried is named by the study, nothing is given up at a rung, so nothing is measured there.
    compared = qualities if KINDS[spec.search.sampler].proposes else []
    evaluate = TrainAndJudge(spec.training, space.detectors, space.metrics, compared, spec.pruning.rungs)
    return LocalExecutor(evaluate, Places.here(spec.executor.workers, count_gpus(spec.training.device)))


def objective_axes(spec: StudySpec, space: SearchSpace) -> tuple[Axis, ...]:
    """The study's objectives as axes along which trials are compared."""
    from gansearch.ranking.front import Axis

    return tuple(Axis(o.metric, o.direction, isinstance(space.metrics[o.metric], SizeMetric)) for o in spec.objectives)


def _clear(path: Path) -> None:
    """Forget a run: only what a run leaves behind, and only while nobody is at work there."""
    if not path.exists():
        return
    folder = RunFolder.open(path)
    with folder.locked():
        shutil.rmtree(folder.path / TRIALS, ignore_errors=True)
        for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
            (folder.path / name).unlink(missing_ok=True)
        folder.study_file.unlink()
