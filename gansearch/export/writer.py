"""Export of a trial: its generator and all that is known of it, as a bundle in one folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from pydantic import ValidationError
from pydantic_core import to_json
from torch import Tensor

import gansearch
from gansearch.components import Generator
from gansearch.errors import DataError, GansearchError
from gansearch.evaluation.counting import count_parameters
from gansearch.evaluation.latency_names import LATENCIES
from gansearch.export.int8_file import Int8Figures, Judge, write_int8
from gansearch.export.manifest import (
    CANDIDATE,
    CARD,
    CERTIFICATE,
    INT8,
    MANIFEST,
    METRICS,
    MODEL,
    ONNX,
    SAMPLES,
    STUDY,
    VERSION,
    WEIGHTS,
    BundleError,
    Check,
    Input,
    Manifest,
    Output,
    digest,
)
from gansearch.export.model_card import model_card, quality_figures
from gansearch.export.model_file import write_model_file
from gansearch.export.onnx_file import OPSET, write_onnx
from gansearch.export.places import shared_study, without_folders
from gansearch.files import passing_folder
from gansearch.ranking.study_summary import RunSummary
from gansearch.registry import Registry
from gansearch.storage.image_grid import image_grid, scatter
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trained_generator import TrainedGenerator
from gansearch.storage.trial_folder import TrialFolder
from gansearch.storage.weights import load_weights, save_weights
from gansearch.trial_record import TrialRecord

PREFIX = ".exporting-"
COMPARED = 16
"""Inputs on which the files are compared with the network."""
SHOWN = 64
"""Samples in the picture."""


def export_trial(
    folder: RunFolder,
    record: TrialRecord,
    run: RunSummary,
    target: Path,
    *,
    trusted: bool = True,
    int8: bool = False,
) -> Manifest:
    """Write the bundle of a trial, check its files by running them, and put it in place whole.

    Args:
        folder: the run folder.
        record: the trial.
        run: the run that it is of.
        target: folder to make; a bundle that is there is replaced.
        trusted: the data may be read from where the run folder says that they lie.
        int8: write the network in int8 too, and measure what that costs and saves.

    Raises:
        BundleError: if the target is something else than a bundle.
        RunFolderError: if the trial has kept no generator, or it cannot be read.
    """
    check_target(target)
    files = folder.trial(record.number).figured(record)
    trained = TrainedGenerator.load(files, Registry(), trusted=trusted)
    target.parent.mkdir(parents=True, exist_ok=True)
    with passing_folder(target.parent, PREFIX, f"{target.name}-{os.getpid()}") as scratch:
        bundle = scratch / target.name
        bundle.mkdir()
        manifest = _write_bundle(bundle, trained, files, record, run, int8=int8)
        if target.exists():
            target.rename(scratch / "replaced")
        bundle.rename(target)
    return manifest


def check_target(target: Path) -> None:
    """Refuse a folder that holds something else than a bundle.

    Raises:
        BundleError: naming it.
    """
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise BundleError(f"{target} is no folder; name another with -o")
    if target.is_dir() and any(target.iterdir()):
        try:
            Manifest.read(target)
        except BundleError:
            raise BundleError(
                f"{target} holds something else than a bundle; name a new folder with -o"
            ) from None


def _write_bundle(
    bundle: Path,
    trained: TrainedGenerator,
    files: TrialFolder,
    record: TrialRecord,
    run: RunSummary,
    *,
    int8: bool,
) -> Manifest:
    takes, gives = _input_of(trained), _output_of(trained)
    inputs = _inputs(trained, COMPARED)
    checks: dict[str, Check] = {}
    left_out: dict[str, str] = {}

    # The network, in three forms
    save_weights(trained.network.state_dict(), bundle / WEIGHTS)
    _check_weights(trained, bundle / WEIGHTS)
    try:
        checks[ONNX] = write_onnx(trained.network, inputs, bundle / ONNX)
    except GansearchError as error:
        left_out[ONNX] = str(error)
    figures: Int8Figures | None = None
    if int8:
        try:
            figures = _write_int8(bundle, trained, run, left_out.get(ONNX, ""))
        except GansearchError as error:
            left_out[INT8] = str(error)
    try:
        checks[MODEL] = write_model_file(trained.network, inputs, takes, gives, bundle / MODEL)
    except GansearchError as error:
        left_out[MODEL] = str(error)

    # What is known of it
    text = yaml.safe_dump(shared_study(run.spec), sort_keys=False, allow_unicode=True)
    (bundle / STUDY).write_text(text, encoding="utf-8")
    for name in (WEIGHTS, f"{WEIGHTS}.sha256"):
        shutil.copymode(bundle / STUDY, bundle / name)  # others may read them too
    candidate = trained.candidate.to_json()
    _write_json(bundle / CANDIDATE, {role: without_folders(candidate[role]) for role in candidate})
    metrics = _metrics(record)
    if figures is not None:
        metrics["int8"] = figures.to_json()
    _write_json(bundle / METRICS, metrics)
    if certificate := run.summary.certificates.get(record.number):
        _write_json(bundle / CERTIFICATE, certificate.to_json())
    try:
        _draw_samples(trained, files, bundle / SAMPLES)
    except GansearchError as error:
        left_out[SAMPLES] = str(error)

    # The card, and the manifest with the digests of all other files
    manifest = Manifest(
        version=VERSION,
        gansearch=gansearch.__version__,
        study=run.spec.name,
        trial=record.number,
        identity=record.identity,
        generator=trained.candidate.uses["generator"],
        parameters=count_parameters(trained.network).total,
        input=takes,
        output=gives,
        opset=OPSET if ONNX in checks else None,
        champion=record is run.summary.champion,
        checks=checks,
        left_out=left_out,
        files=_digests(bundle),
    )
    card = model_card(manifest, record, run, figures)
    (bundle / CARD).write_text(card, encoding="utf-8")
    manifest = manifest.model_copy(update={"files": _digests(bundle)})
    (bundle / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return manifest


def _write_int8(
    bundle: Path, trained: TrainedGenerator, run: RunSummary, no_onnx: str
) -> Int8Figures:
    """Write the network in int8 and compare it with the ONNX file, on the run's data if possible.

    Raises:
        GansearchError: if it cannot be made.
    """
    if no_onnx:
        raise BundleError(f"it is made from {ONNX}, which is missing: {no_onnx}")
    if trained.reconstructs:
        raise BundleError(
            "an autoencoder has no latents from which the ranges of its activations could be taken"
        )
    count, (low, high) = run.spec.training.eval_samples, trained.format.value_range
    inputs = _inputs(trained, count)
    return write_int8(bundle / ONNX, bundle / INT8, inputs, high - low, _judge(trained, run))


def _judge(trained: TrainedGenerator, run: RunSummary) -> Judge | None:
    """Return what measures the run's quality on new samples; None where that cannot be had."""
    quality, node, registry = run.summary.quality, run.spec.extractor, Registry()
    if quality is None:
        return None
    try:
        metric: Any = registry.load("metric", quality.metric)
        extractor: Any = None
        if node is not None:
            extractor = registry.load("extractor", node.use).model_validate(node.fields)
        return Judge(quality.metric, metric(), trained.data, extractor)
    except (GansearchError, ValidationError):
        return None


def _input_of(trained: TrainedGenerator) -> Input:
    generator = trained.candidate.generator
    shape = generator.input_shape(trained.format.shape)
    if trained.reconstructs:
        return Input(kind="samples", shape=shape)
    own = type(generator).draw_latents is not Generator.draw_latents
    return Input(kind="custom" if own else "normal", shape=shape)


def _output_of(trained: TrainedGenerator) -> Output:
    form = trained.format
    return Output(shape=tuple(form.shape), is_image=form.is_image, value_range=form.value_range)


def _inputs(trained: TrainedGenerator, count: int) -> Tensor:
    """Return inputs as the network gets them: the latents of seed 0, or noise for samples."""
    takes = _input_of(trained)
    if takes.kind == "custom":
        return trained.draw_latents(count, seed=0)
    rng = np.random.default_rng(0)
    if takes.kind == "normal" or not trained.format.is_image:
        return torch.from_numpy(rng.standard_normal((count, *takes.shape), dtype=np.float32))
    noise = rng.uniform(*trained.format.value_range, size=(count, *takes.shape))
    return torch.from_numpy(noise.astype(np.float32))


def _check_weights(trained: TrainedGenerator, path: Path) -> None:
    """Read the weights back.

    Raises:
        BundleError: if they are not those of the network.
    """
    read, weights = load_weights(path), trained.network.state_dict()
    if read.keys() != weights.keys() or not all(torch.equal(read[n], weights[n]) for n in read):
        raise BundleError(f"{path.name} does not hold the weights that were written to it")


def _draw_samples(trained: TrainedGenerator, files: TrialFolder, path: Path) -> None:
    """Draw random samples, always the same ones; of an autoencoder the last that the trial kept.

    Raises:
        BundleError: if an autoencoder's trial has kept none.
    """
    if trained.reconstructs:
        if not (grids := files.sample_grids()):
            raise BundleError("the trial has kept no pictures of its samples")
        shutil.copyfile(grids[-1], path)
        return
    samples = trained.sample(_inputs(trained, SHOWN))
    if trained.format.is_image:
        image_grid(samples).save(path)
        return
    try:
        real = trained.real_points
    except DataError:
        real = None
    scatter({"generated": samples.reshape(len(samples), -1)}, path, real)


def _metrics(record: TrialRecord) -> dict[str, Any]:
    return {
        "sizes": dict(record.sizes),
        "quality": quality_figures(record),
        "latency_ms": {n: record.metrics[n] for n in LATENCIES if n in record.metrics},
        "protocol": dict(record.stamp),
        "steps": record.steps,
        "seconds": record.seconds,
    }


def _write_json(path: Path, record: Mapping[str, Any]) -> None:
    path.write_bytes(to_json(record, indent=1, inf_nan_mode="null") + b"\n")


def _digests(bundle: Path) -> dict[str, str]:
    return {path.name: digest(path.read_bytes()) for path in sorted(bundle.iterdir())}
