"""CUDA graphs: a step is captured once, checked against eager steps, and then replayed.

A small GAN's step is hundreds of kernels of a few microseconds each, and Python takes longer to
launch one than the GPU to run it. A replay launches all at once. It reads and writes the addresses
of the capture, and every number that Python computed stays what it was at the capture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from gansearch.training.batches import BatchSampler, StaticBatch
from gansearch.training.loss_inputs import NotCapturableError
from gansearch.training.networks import GANNetworks, OptimizerSettings
from gansearch.training.recorder import Recorder, StepSignals
from gansearch.training.snapshot import Snapshot, StepsResult, replay_matches
from gansearch.training.steps import EagerSteps, StepPlan, Steps

EAGER_STEPS = 3
"""Eager steps of each kind before a capture, after which the optimizers have all their state."""
CHECKED_STEPS = 2
"""Consecutive steps in which a captured step is compared with eager ones."""

Operations = Callable[[], Sequence[Tensor]]
"""Function that runs operations on a device and returns their outputs."""
StepKind = tuple[StepPlan, OptimizerSettings]
"""Key of the steps that can be replays of one captured step."""


class GraphCapture(Protocol):
    """Way to capture operations on a device."""

    def capture(self, operations: Operations) -> tuple[Sequence[Tensor], Callable[[], None]]:
        """Return the outputs of operations, and a replay that writes these outputs anew.

        The operations may run any number of times meanwhile. Any exception of theirs, and others,
        may be raised.
        """


def with_cuda_graphs(eager: EagerSteps, batches: BatchSampler) -> Steps:
    """Return steps that run by CUDA graphs, or eager steps with the reason why they cannot."""
    try:
        return GraphSteps(eager, batches, graph_capture(eager.context.networks))
    except NotCapturableError as error:
        return replace(eager, graphs=f"not used: {error}")


def graph_capture(networks: GANNetworks) -> GraphCapture:
    """Return the capture for the networks' device.

    Raises:
        NotCapturableError: if there is none.
    """
    if networks.ranks.size > 1:
        raise NotCapturableError(f"{networks.ranks.size} processes take each step together")
    if networks.device.type != "cuda":
        raise NotCapturableError(f"the device is {networks.device.type}")
    return CudaGraphCapture(networks)


class GraphSteps:
    """Steps that are replayed where a captured step of their kind has passed its check.

    Others are eager: the first steps of a kind, those during which the data are shuffled, and all
    after a capture has failed. Weights and signals are those of eager steps throughout.
    """

    def __init__(self, eager: EagerSteps, batches: BatchSampler, capture: GraphCapture) -> None:
        self._eager, self._batches, self._capture = eager, batches, capture
        self._networks = eager.context.networks
        self._eager_steps: Counter[StepKind] = Counter()
        self._draws: dict[StepKind, int] = {}
        """Samples that a step of each kind draws."""
        self._captured: dict[StepKind, CapturedStep] = {}
        self._replays = 0
        self._failure: str | None = None

    @property
    def graphs(self) -> str:
        if not self._replays:
            return f"not used: {self._failure or 'no step came often enough'}"
        if self._failure is None:
            return "used"
        return f"used for {self._replays} steps, then not: {self._failure}"

    def run(self, step: int, plan: StepPlan) -> StepSignals:
        kind = plan, self._networks.optimizer_settings
        # Capture after enough eager steps, while capture and check can draw without a shuffle
        if (
            self._failure is None
            and kind not in self._captured
            and plan.updates
            and self._eager_steps[kind] >= EAGER_STEPS
            and (1 + CHECKED_STEPS) * self._draws[kind] <= self._batches.remaining
        ):
            self._try_capture(step, kind)
        captured = self._captured.get(kind)
        if captured is not None and captured.samples <= self._batches.remaining:
            self._replays += 1
            return captured.replay()
        drawn = self._batches.drawn
        signals = self._eager.run(step, plan)
        self._eager_steps[kind] += 1
        self._draws[kind] = self._batches.drawn - drawn
        return signals

    def _try_capture(self, step: int, kind: StepKind) -> None:
        """Capture and check a step of a kind; the training then goes on from where it was."""
        plan, _ = kind
        before = Snapshot(self._networks, self._batches)
        try:
            batch = StaticBatch(self._batches, self._draws[kind])
            captured = CapturedStep(self._eager, plan, batch, self._capture)
            before.restore()
            self._check(captured, partial(self._eager.run, step, plan))
            self._captured[kind] = captured
        except Exception as error:  # whatever fails here, the training itself does not need it
            self._failure = str(error).strip().partition("\n")[0]
            if not isinstance(error, NotCapturableError):
                self._failure = f"{type(error).__name__}: {self._failure}"
            self._captured.clear()
        before.restore()

    def _check(self, captured: CapturedStep, run_eagerly: Callable[[], StepSignals]) -> None:
        """Compare a captured step with eager ones, from another state than that of the capture.

        Raises:
            NotCapturableError: if they differ.
        """
        run_eagerly()
        start = Snapshot(self._networks, self._batches)

        def result(run: Callable[[], StepSignals]) -> StepsResult:
            start.restore()
            signals = [run() for _ in range(CHECKED_STEPS)]
            return StepsResult(Snapshot(self._networks, self._batches), signals)

        eager, repeated, replayed = (
            result(run) for run in (run_eagerly, run_eagerly, captured.replay)
        )
        if not replay_matches(start, eager, repeated, replayed):
            raise NotCapturableError("the replayed step differs from the eager step")


class CapturedStep:
    """Step that can be replayed."""

    def __init__(
        self, eager: EagerSteps, plan: StepPlan, batch: StaticBatch, capture: GraphCapture
    ) -> None:
        self._batch = batch
        self._names: Sequence[str] = ()
        self._kinds: Sequence[str] = ()
        steps = replace(eager, context=replace(eager.context, batches=batch, recorder=Recorder()))

        def operations() -> Sequence[Tensor]:
            batch.rewind()
            row, counts = steps.run(None, plan)
            self._names, self._kinds = list(row), [kind for kind, _ in counts]
            return [torch.stack(list(row.values())), *(histogram for _, histogram in counts)]

        self._outputs, self._replay = capture.capture(operations)

    @property
    def samples(self) -> int:
        """Number of samples that the step draws."""
        return len(self._batch)

    def replay(self) -> StepSignals:
        """Run the next step and return its signals."""
        self._batch.fill()
        self._replay()
        # The next replay overwrites the outputs.
        values, *counts = (output.clone() for output in self._outputs)
        row = dict(zip(self._names, values.unbind(), strict=True))
        return StepSignals(row, list(zip(self._kinds, counts, strict=True)))


class CudaGraphCapture:
    """Capture by CUDA graphs, which share one memory pool: no two may replay at once."""

    def __init__(self, networks: GANNetworks) -> None:
        self._networks, self._device = networks, networks.device
        self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def capture(self, operations: Operations) -> tuple[Sequence[Tensor], Callable[[], None]]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self._device), self._own_stream(), _restored_rng(self._device):
            operations()  # for whatever is set up at its first use on this stream
            with _synchronization_raises():
                operations()
            with (
                self._networks.capturable(),
                torch.cuda.graph(graph, pool=self._pool, stream=self._stream),
            ):
                outputs = operations()
        return outputs, graph.replay

    @contextmanager
    def _own_stream(self) -> Iterator[None]:
        """Use the stream of the captures, ordered after earlier and before later work."""
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        try:
            with torch.cuda.stream(self._stream):
                yield
        finally:
            current.wait_stream(self._stream)


@contextmanager
def _synchronization_raises() -> Iterator[None]:
    """Raise where an operation waits for the device: found in a capture, it would break it."""
    mode = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(mode)


@contextmanager
def _restored_rng(device: torch.device) -> Iterator[None]:
    """Restore the device's random generator, which a broken capture leaves unusable."""
    index = torch.cuda.current_device() if device.index is None else device.index
    generator = torch.cuda.default_generators[index]
    state = generator.clone_state()
    try:
        yield
    except Exception:
        generator.graphsafe_set_state(state)
        raise
