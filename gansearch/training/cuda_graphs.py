"""CUDA graphs: a step is recorded once, proves itself, and is then replayed by one launch.

A small GAN's step is hundreds of kernels of a few microseconds each, and Python needs longer to launch one than
the GPU to run it. A replay reads and writes the addresses that were recorded, and every number that Python computed
stays what it was then.
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
from gansearch.training.loss_inputs import UnrecordableError
from gansearch.training.networks import GANNetworks, Settings
from gansearch.training.recorder import Recorder, Signals
from gansearch.training.snapshot import Outcome, Snapshot, agree
from gansearch.training.steps import Due, EagerSteps, Steps

EAGER = 3
"""Steps of each kind before one is recorded, by which time the optimizers have all their state."""
PROOF = 2
"""Steps in a row that a recording is held against."""

Act = Callable[[], Sequence[Tensor]]
Kind = tuple[Due, Settings]
"""Of steps that can be replays of one recording."""


class Tape(Protocol):
    """What can record things that are done to a device."""

    def record(self, act: Act) -> tuple[Sequence[Tensor], Callable[[], None]]:
        """What an act gives, and a replay that writes these tensors anew.

        The act may be done any number of times meanwhile. Whatever it raises, and more, may be raised here.
        """


def graphed(eager: EagerSteps, feed: BatchSampler) -> Steps:
    """The same steps by CUDA graphs, where there can be any."""
    try:
        return GraphedSteps(eager, feed, tape_for(eager.stage.players))
    except UnrecordableError as why:
        return replace(eager, graphs=f"not used: {why}")


def tape_for(players: GANNetworks) -> Tape:
    """What can record the steps of these players.

    Raises:
        UnrecordableError: when nothing can.
    """
    if players.ranks.size > 1:
        raise UnrecordableError(f"{players.ranks.size} processes take each step together")
    if players.device.type != "cuda":
        raise UnrecordableError(f"the device is {players.device.type}")
    return CudaGraphs(players)


class GraphedSteps:
    """Steps that are replayed where a recording of their kind has proven itself.

    The others are taken eagerly: the first of a kind, those during which the data are shuffled, and all of them once
    a recording has failed. Weights and signals are those of eager steps throughout.
    """

    def __init__(self, eager: EagerSteps, feed: BatchSampler, tape: Tape) -> None:
        self._eager, self._feed, self._tape = eager, feed, tape
        self._players = eager.stage.players
        self._seen: Counter[Kind] = Counter()
        self._draws: dict[Kind, int] = {}
        self._recordings: dict[Kind, Recording] = {}
        self._replayed = 0
        self._refusal: str | None = None

    @property
    def graphs(self) -> str:
        if not self._replayed:
            return f"not used: {self._refusal or 'no step came often enough'}"
        return (
            "used"
            if self._refusal is None
            else f"used for {self._replayed} steps, then not: {self._refusal}"
        )

    def take(self, step: int, due: Due) -> Signals:
        kind = due, self._players.settings
        if self._refusal is None and kind not in self._recordings and self._can_record(kind):
            self._record(step, kind)
        recording = self._recordings.get(kind)
        if recording is not None and recording.samples <= self._feed.left:
            self._replayed += 1
            return recording.play()
        drawn = self._feed.drawn
        signals = self._eager.take(step, due)
        self._seen[kind] += 1
        self._draws[kind] = self._feed.drawn - drawn
        return signals

    def _can_record(self, kind: Kind) -> bool:
        """Whether a kind has come often enough, and all that it takes to prove it can be drawn without a shuffle."""
        due, _ = kind
        return (
            bool(due.phases)
            and self._seen[kind] >= EAGER
            and (1 + PROOF) * self._draws[kind] <= self._feed.left
        )

    def _record(self, step: int, kind: Kind) -> None:
        """Record a step of a kind, if that can be done rightly; the training goes on from where it was."""
        due, _ = kind
        now = Snapshot(self._players, self._feed)
        try:
            recording = Recording(
                self._eager, due, StaticBatch(self._feed, self._draws[kind]), self._tape
            )
            now.put_back()
            self._prove(recording, partial(self._eager.take, step, due))
            self._recordings[kind] = recording
        except Exception as error:  # whatever may be wrong with recording, the run does not need it
            self._refusal = _first_line(error)
            self._recordings.clear()
        now.put_back()

    def _prove(self, recording: Recording, eagerly: Callable[[], Signals]) -> None:
        """Hold a recording against eager steps, begun elsewhere than where it was made.

        Raises:
            UnrecordableError: when it comes to something else.
        """
        eagerly()
        start = Snapshot(self._players, self._feed)

        def outcome(take: Callable[[], Signals]) -> Outcome:
            start.put_back()
            signals = [take() for _ in range(PROOF)]
            return Outcome(Snapshot(self._players, self._feed), signals)

        if not agree(start, outcome(eagerly), outcome(eagerly), outcome(recording.play)):
            raise UnrecordableError("replayed, a step came to something else than taken eagerly")


class Recording:
    """A step that can be played again."""

    def __init__(self, eager: EagerSteps, due: Due, tray: StaticBatch, tape: Tape) -> None:
        """Record it.

        Args:
            eager: how it is taken.
            due: what it consists of.
            tray: holds the samples that it draws.
            tape: what it is recorded on.
        """
        self._tray = tray
        self._names: Sequence[str] = ()
        self._kinds: Sequence[str] = ()
        own = replace(eager, stage=replace(eager.stage, feed=tray, recorder=Recorder()))
        self._outputs, self._replay = tape.record(partial(self._act, own, due))

    @property
    def samples(self) -> int:
        """That it draws."""
        return len(self._tray)

    def play(self) -> Signals:
        """Take the next step, and give its signals."""
        self._tray.fill()
        self._replay()
        # The next replay writes over them.
        values, *counts = (output.clone() for output in self._outputs)
        row = dict(zip(self._names, values.unbind(), strict=True))
        return Signals(row, list(zip(self._kinds, counts, strict=True)))

    def _act(self, steps: EagerSteps, due: Due) -> Sequence[Tensor]:
        self._tray.rewind()
        row, counts = steps.take(None, due)
        self._names, self._kinds = list(row), [kind for kind, _ in counts]
        return [torch.stack(list(row.values())), *(histogram for _, histogram in counts)]


class CudaGraphs:
    """A tape of CUDA graphs. They share their memory: never do two of them play at once."""

    def __init__(self, players: GANNetworks) -> None:
        self._players, self._device = players, players.device
        self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def record(self, act: Act) -> tuple[Sequence[Tensor], Callable[[], None]]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self._device), self._aside(), _drawing_on(self._device):
            act()  # whatever is set up at its first time on this stream
            with _never_waiting():
                act()
            with (
                self._players.capturable(),
                torch.cuda.graph(graph, pool=self._pool, stream=self._stream),
            ):
                outputs = act()
        return outputs, graph.replay

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """On the stream of the recordings, between what was done before and what comes after."""
        common = torch.cuda.current_stream()
        self._stream.wait_stream(common)
        try:
            with torch.cuda.stream(self._stream):
                yield
        finally:
            common.wait_stream(self._stream)


@contextmanager
def _never_waiting() -> Iterator[None]:
    """Where an operation that waits for the device raises: found here, it does not break a capture under way."""
    mode = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(mode)


@contextmanager
def _drawing_on(device: torch.device) -> Iterator[None]:
    """Let random numbers be drawn afterwards, whatever happens: a capture that breaks off leaves a generator unfit."""
    index = torch.cuda.current_device() if device.index is None else device.index
    generator = torch.cuda.default_generators[index]
    fit = generator.clone_state()
    try:
        yield
    except Exception:
        generator.graphsafe_set_state(fit)
        raise


def _first_line(error: Exception) -> str:
    """What an error says, in short."""
    said = str(error).strip().partition("\n")[0]
    return said if isinstance(error, UnrecordableError) else f"{type(error).__name__}: {said}"
