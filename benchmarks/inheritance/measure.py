"""Is a small generator better for having begun with filters of a larger one?

    nice python benchmarks/inheritance/measure.py [--out results.json] [--runs FOLDER]

Data, networks and steps are those of studies/shrink_generator.yaml. Each parent is trained, then its
children: from scratch, with what they inherit, and from scratch for as many steps more as the parent
was trained; all with one seed, on one thread. `gain` tells for three powers of the fan-in how far the
outputs of a child's layers deviate from its parent's before it is trained. What was trained already,
and lies in FOLDER, is not trained again. About 10 minutes on one core of the machine in ../README.md.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from gansearch.builtin.datasets.fashion_mnist import FashionMNIST
from gansearch.builtin.discriminators.dcgan import DCGANDiscriminator
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.builtin.losses.bce import BCE
from gansearch.builtin.metrics.distances import MMD
from gansearch.builtin.schedules.alternating import Alternating
from gansearch.candidate import Candidate
from gansearch.components import Data
from gansearch.diagnosis.detection import RunWatch
from gansearch.evaluation.evidence import TrainedEvidence
from gansearch.evaluation.extractors import extractor_for
from gansearch.evaluation.probe import Probe
from gansearch.messages import Rung
from gansearch.study.spec import StepsSpec, StudySpec
from gansearch.training import checkpoint
from gansearch.training.inheritance import FAN_IN_POWER, Heritage, inherit
from gansearch.training.loop import Hooks, TrainedRun, train
from gansearch.training.precision import keep_freed_memory

EARLY, STEPS, SEED = 500, 1500, 1
POWERS = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class Family:
    """A parent, and generators that fit into it."""

    name: str
    parent: Mapping[str, Any]
    children: tuple[Mapping[str, Any], ...]
    rates: tuple[float, float] = (2e-3, 1e-3)
    """Of generator and discriminator."""


FAMILIES = (
    Family(
        "16 filters",
        {"width": 16, "latent": 32},
        ({"width": 8, "latent": 16}, {"width": 4, "latent": 32}),
    ),
    Family("8 filters", {"width": 8, "latent": 32}, ({"width": 3, "latent": 16},)),
    Family(
        "no norm",
        {"width": 16, "latent": 32, "norm": "none"},
        ({"width": 6, "latent": 32, "norm": "none"},),
        (1e-3, 5e-4),
    ),
)


@dataclass(frozen=True)
class Bench:
    """Data and detectors, the same for all."""

    data: Data
    folder: Path
    detectors: tuple[Any, ...] = field(default_factory=lambda: _detectors())

    def train(
        self,
        family: Family,
        generator: Mapping[str, Any],
        steps: int = STEPS,
        heritage: Heritage | None = None,
    ) -> TrainedRun:
        """To the end, or until it is condemned; what it is worth early on and at last lies in its rungs."""
        measure = _mmd(self.data)
        hooks = Hooks(probe=Probe(self.data), rungs=frozenset({EARLY}), measure=measure)
        spec = StepsSpec(steps=steps, seed=SEED, sample_every=0, precision="fp32")
        run = train(
            _candidate(family, generator),
            self.data,
            spec,
            RunWatch(self.detectors),
            hooks,
            heritage=heritage,
        )
        players = run.players
        run.rungs.append(
            Rung(run.steps, measure(players.sample(players.test_inputs(2000, run.feed))))
        )
        return run

    def parent(self, family: Family) -> tuple[Heritage, dict[str, Any]]:
        """A parent's networks and how it came out; trained once."""
        folder = self._folder(family)
        if (kept := checkpoint.load(folder)) is None:
            run = self.train(family, family.parent)
            networks = (run.players.judged, run.players.discriminator.network)
            kept = {"networks": [network.state_dict() for network in networks], "told": _told(run)}
            checkpoint.save(kept, folder)
        return Heritage(*kept["networks"]), kept["told"]

    def child(self, family: Family, number: int, heritage: Heritage) -> dict[str, Any]:
        """How a child came out from scratch, with what it inherits, and from scratch with its parent's steps on top."""
        ways = {
            "scratch": (STEPS, None),
            "inherited": (STEPS, heritage),
            "longer": (2 * STEPS, None),
        }
        found = {}
        for way, (steps, begins_with) in ways.items():
            kept = self._folder(family) / f"{number}-{way}.json"
            if not kept.exists():
                kept.write_text(
                    json.dumps(
                        _told(self.train(family, family.children[number], steps, begins_with))
                    )
                )
            found[way] = json.loads(kept.read_text())
            print(family.name, family.children[number], way, found[way], flush=True)
        return found

    def _folder(self, family: Family) -> Path:
        folder = self.folder / family.name.replace(" ", "-")
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _detectors() -> tuple[Any, ...]:
    from gansearch.registry import Registry
    from gansearch.study.component_choices import Reader

    return Reader(Registry()).components("detectors", StudySpec.model_fields["detectors"].default)


def _candidate(family: Family, generator: Mapping[str, Any]) -> Candidate:
    uses = {
        "dataset": "fashion-mnist",
        "generator": "dcgan",
        "discriminator": "dcgan",
        "loss": "bce",
    }
    rates = dict(zip(("generator_lr", "discriminator_lr"), family.rates, strict=True))
    return Candidate(
        FashionMNIST(),
        DCGANGenerator(levels=2, **generator),
        DCGANDiscriminator(layers=2, width=16, norm="none"),
        BCE(),
        Alternating(**rates),
        uses | {"schedule": "alternating"},
    )


def _mmd(data: Data) -> Callable[[Tensor], dict[str, float]]:
    return lambda samples: {
        "mmd": MMD().measure(TrainedEvidence(data, samples, extractor_for(data)))
    }


def _told(run: TrainedRun) -> dict[str, Any]:
    return {"verdict": run.verdict.status, "steps": run.steps} | {
        f"mmd_{r.step}": r.metrics["mmd"] for r in run.rungs
    }


def gain(
    family: Family, generator: Mapping[str, Any], data: Data, heritage: Heritage, power: float
) -> float:
    """Mean |log2| of the deviation of a child's layer outputs over its parent's, both as they would be used."""
    torch.manual_seed(SEED)
    parent, child = (_candidate(family, fields).generator for fields in (family.parent, generator))
    whole, part = parent.build(data.shape), child.build(data.shape)
    whole.load_state_dict(dict(heritage.generator))
    inherit(part, heritage.generator, power)
    outputs = (
        _deviations(one.eval(), torch.randn(500, fields.latent))
        for one, fields in ((whole, parent), (part, child))
    )
    return fmean(abs(math.log2(own / theirs)) for theirs, own in zip(*outputs, strict=True))


@torch.no_grad()
def _deviations(network: nn.Module, latents: Tensor) -> list[float]:
    """The standard deviation of what each dense or convolutional layer gives."""
    found: list[float] = []
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, _ConvNd)):
            layer.register_forward_hook(
                lambda _layer, _inputs, output: found.append(float(output.std()))
            )
    network(latents)
    return found


def measure(bench: Bench) -> list[dict[str, Any]]:
    """Every pair of parent and child."""
    pairs = []
    for family in FAMILIES:
        heritage, told = bench.parent(family)
        for i, generator in enumerate(family.children):
            gains = {
                str(power): gain(family, generator, bench.data, heritage, power) for power in POWERS
            }
            pair = {"parent": dict(family.parent) | told, "child": dict(generator), "gain": gains}
            pairs.append(pair | bench.child(family, i, heritage))
    return pairs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results.json"))
    parser.add_argument(
        "--runs", type=Path, default=Path(tempfile.gettempdir()) / "gansearch-inheritance"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    pairs = measure(Bench(FashionMNIST().load(), options.runs))
    told = {"fan_in_power": FAN_IN_POWER, "seed": SEED, "steps": [EARLY, STEPS], "pairs": pairs}
    options.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
