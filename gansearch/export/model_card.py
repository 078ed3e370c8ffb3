"""Model card of a bundle: README.md in the form that the Hugging Face Hub reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from gansearch.evaluation.latency_names import BATCHES, LATENCIES, latency_name
from gansearch.export.int8_file import Int8Figures
from gansearch.export.manifest import (
    CANDIDATE,
    CERTIFICATE,
    INT8,
    MANIFEST,
    METRICS,
    MODEL,
    ONNX,
    SAMPLES,
    STUDY,
    WEIGHTS,
    Manifest,
)
from gansearch.ranking.certificate import Certificate
from gansearch.ranking.study_summary import RunSummary
from gansearch.report.trial_figures import student_of
from gansearch.trial_record import TrialRecord

FILES = {
    WEIGHTS: "the weights, with their SHA-256 in the file beside it",
    ONNX: "the network with its weights, for onnxruntime and others",
    INT8: "the same with weights and activations in int8",
    MODEL: "the network in plain PyTorch, which loads the weights",
    CANDIDATE: "every setting of the training",
    STUDY: "the search that it comes from",
    METRICS: "sizes, quality and latency, with the protocol of each figure",
    CERTIFICATE: "the runs with fresh seeds",
    SAMPLES: "random samples, not chosen",
    MANIFEST: "what a program needs to know, and the SHA-256 of every file",
}
ONNX_IMAGES = """\
import numpy as np
import onnxruntime
from PIL import Image

session = onnxruntime.InferenceSession("generator.onnx")
latents = np.random.default_rng(0).standard_normal((64, {latent}), dtype=np.float32)
(samples,) = session.run(None, {{"inputs": latents}})
pixels = np.clip((samples {shift}) * {scale:g}, 0, 255).round().astype(np.uint8)
rows = pixels.reshape(8, 8, {channels}, {height}, {width}).transpose(0, 3, 1, 4, 2)
grid = rows.reshape(8 * {height}, 8 * {width}, {channels})
Image.fromarray(grid.squeeze()).save("grid.png")
"""
ONNX_OTHER = """\
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("generator.onnx")
inputs = {inputs}
(samples,) = session.run(None, {{"inputs": inputs}})
"""
TORCH = """\
import torch
from model import load

with torch.no_grad():
    samples = load()(torch.randn(64, {shape}))
"""


def model_card(
    manifest: Manifest, record: TrialRecord, run: RunSummary, int8: Int8Figures | None = None
) -> str:
    """Write the card of an exported trial."""
    certificate = run.summary.certificates.get(record.number)
    metadata = yaml.safe_dump(_metadata(manifest, record), sort_keys=False, allow_unicode=True)
    sections = [
        f"---\n{metadata}---",
        f"# {_text(manifest.generator)}: a generator of {manifest.parameters:,} parameters",
        "\n".join(_introduction(manifest, record, run)),
        "## Quality\n\n" + "\n".join(_quality(record)),
        *(["## Int8\n\n" + "\n".join(_int8(int8))] if int8 else []),
        "## Stability\n\n" + _stability(record, run, certificate),
        "## Use\n\n" + "\n".join(_use(manifest)),
        "## Files\n\n" + "\n".join(_files(manifest)),
    ]
    return "\n\n".join(sections) + "\n"


def _metadata(manifest: Manifest, record: TrialRecord) -> dict[str, Any]:
    """Return the metadata that the Hub shows and searches."""
    task = "unconditional-image-generation"
    metadata: dict[str, Any] = {"library_name": "pytorch", "tags": ["gan", "gansearch", "onnx"]}
    if manifest.output.is_image and manifest.input.kind != "samples":
        metadata["pipeline_tag"] = task
    source = str(record.stamp.get("dataset", {}).get("source", "unknown"))
    results = {
        "task": {"type": task if manifest.output.is_image else "other"},
        "dataset": {"name": source, "type": str(record.candidate["dataset"]["use"])},
        "metrics": [
            {"type": name, "name": name, "value": value}
            for name, value in quality_figures(record).items()
        ],
    }
    if results["metrics"]:
        metadata["model-index"] = [{"name": manifest.study, "results": [results]}]
    return metadata


def _introduction(manifest: Manifest, record: TrialRecord, run: RunSummary) -> Iterator[str]:
    role = "the champion of" if manifest.champion else "of"
    yield (
        f"Trial {record.number}, {role} the study `{_code(manifest.study)}`, trained for "
        f"{record.steps:,} steps. Found with gansearch {_text(manifest.gansearch)}, which searches "
        "for small generators that train reliably."
    )
    if student := student_of(record):
        yield f"\nIt is the {_text(student)}. Certification trains it again with the same teacher."
    if record.kept_step is not None:
        yield (
            f"\nThe weights are those of step {record.kept_step:,}, where the samples were best. "
            "The figures below are of other samples than the choice."
        )
    if SAMPLES in manifest.files:
        yield f"\n![Random samples]({SAMPLES})"
    takes, gives = manifest.input, manifest.output
    share = run.summary.share_of_baseline(record)
    compared = ""
    if share is not None and record is not run.summary.baseline:
        compared = f", {100 * share:.3g} % of the baseline's {run.summary.size.metric}"
    kinds = {
        "normal": "latents of the standard normal distribution",
        "custom": "latents that the plugin draws in its own way",
        "samples": "samples of the data: this is an autoencoder",
    }
    values = "{:g} to {:g}".format(*gives.value_range) if gives.is_image else "as in the data"
    yield "\n| | |\n|---|---|"
    yield f"| parameters | {manifest.parameters:,}{_text(compared)} |"
    if macs := record.sizes.get("generator_macs"):
        yield f"| multiply-accumulates | {macs:,.0f} a sample |"
    if peak := record.sizes.get("generator_peak_bytes"):
        yield (
            f"| memory | {peak / 1000:,.0f} kB at once for a sample: weights, input and "
            "activations in float32, without what kernels take beside them |"
        )
    yield f"| input | (N, {', '.join(map(str, takes.shape))}), float32, {kinds[takes.kind]} |"
    yield f"| output | (N, {', '.join(map(str, gives.shape))}), float32, {values} |"
    yield from _latency(record)


def _latency(record: TrialRecord) -> Iterator[str]:
    known = {
        b: record.metrics[name] for b in BATCHES if (name := latency_name(b)) in record.metrics
    }
    if known:
        times = ", ".join(f"{value:.3g} ms for {batch}" for batch, value in known.items())
        device, threads = (record.stamp.get(name, "unknown") for name in ("device", "threads"))
        yield (
            f"| latency | {times}; PyTorch, {_text(device)}, threads: {_text(threads)}, "
            f"median of {_text(record.stamp.get('latency_repeats', 'several'))} |"
        )


def quality_figures(record: TrialRecord) -> dict[str, float]:
    """Return the metrics of a trial without its latencies."""
    return {name: value for name, value in record.metrics.items() if name not in LATENCIES}


def _quality(record: TrialRecord) -> Iterator[str]:
    figures = quality_figures(record)
    if not figures:
        yield "Nothing was measured."
        return
    yield "| metric | value |\n|---|---|"
    yield from (f"| {_text(name)} | {value:.4g} |" for name, value in figures.items())
    stamp = record.stamp
    extractor = stamp.get("extractor", {})
    parts = [
        f"{_text(stamp.get('samples', '?'))} samples against as many of the "
        f"{_text(stamp.get('reference', 'test'))} data",
        f"evaluation protocol {_text(stamp.get('version', '?'))}",
    ]
    if isinstance(extractor, Mapping) and extractor:
        parts.append(
            f"features of `{_code(extractor.get('name'))}` "
            f"(sha256 `{_code(str(extractor.get('sha256'))[:16])}`)"
        )
    data = stamp.get("dataset", {})
    parts.append(
        f"data: {_text(data.get('source'))} (sha256 `{_code(str(data.get('sha256'))[:16])}`)"
    )
    yield "\n" + "; ".join(parts) + "."
    if note := stamp.get("note"):
        yield "\n" + _text(note)


def _int8(figures: Int8Figures) -> Iterator[str]:
    """Yield what the file in int8 saves and costs."""
    yield f"`{INT8}` beside `{ONNX}`, both run by onnxruntime on one thread:\n"
    yield "| | float32 | int8 |\n|---|---|---|"
    yield f"| bytes | {figures.bytes_before:,} | {figures.bytes_after:,} |"
    for batch, before in figures.latency_ms_before.items():
        after = figures.latency_ms_after[batch]
        yield f"| ms for {batch} | {before:.3g} | {after:.3g} |"
    if (quality := figures.quality) is not None:
        name = f"{_text(quality.metric)} of {quality.samples} samples"
        yield f"| {name} | {quality.before:.4g} | {quality.after:.4g} |"
    yield (
        f"\nThe samples of one latent differ by {figures.mean_difference:.2%} of the range of "
        "values in the mean."
    )


def _stability(record: TrialRecord, run: RunSummary, certificate: Certificate | None) -> str:
    if certificate is None:
        return (
            "Not certified: this candidate was trained once. Whether it trains as well with other "
            "seeds is not known."
        )
    sentence = (
        f"{certificate.healthy} of {certificate.seeds} trainings with fresh seeds came out healthy "
        f"({certificate.status}; {certificate.required} were required): at least "
        f"{certificate.rate_low:.0%} of all seeds do, at {certificate.confidence:.0%} confidence."
    )
    quality = run.summary.quality
    if quality is not None and certificate.quality is not None:
        sentence += (
            f" Their median {_text(quality.metric)} is {certificate.quality.median:.4g}, from "
            f"{certificate.quality.low:.4g} to {certificate.quality.high:.4g}. The weights here "
            "are those of the search, which chose this candidate by its result: expect the median "
            "of another training."
        )
    return sentence


def _use(manifest: Manifest) -> Iterator[str]:
    takes, gives = manifest.input, manifest.output
    channels, height, width = gives.shape
    low, high = gives.value_range
    shape = ", ".join(map(str, takes.shape))
    if ONNX in manifest.files:
        if takes.kind == "normal" and gives.is_image:
            code = ONNX_IMAGES.format(
                latent=shape,
                shift=f"- {low:g}" if low > 0 else f"+ {-low:g}",
                scale=255 / (high - low),
                channels=channels,
                height=height,
                width=width,
            )
        else:
            inputs = f"np.zeros((64, {shape}), dtype=np.float32)  # put yours here"
            if takes.kind == "normal":
                inputs = f"np.random.default_rng(0).standard_normal((64, {shape}), np.float32)"
            code = ONNX_OTHER.format(inputs=inputs)
        packages = "onnxruntime, numpy and Pillow" if "PIL" in code else "onnxruntime and numpy"
        yield f"With {packages}:\n\n```python\n{code}```\n"
    if MODEL in manifest.files:
        yield f"With PyTorch and safetensors:\n\n```python\n{TORCH.format(shape=shape)}```\n"
    if takes.kind == "normal":
        yield (
            "With gansearch: `gansearch sample . --grid 8 --walk 0` in this folder, or "
            "`gansearch.load(folder)` in Python."
        )


def _files(manifest: Manifest) -> Iterator[str]:
    there = {*manifest.files, MANIFEST}
    yield from (f"- `{name}`: {what}" for name, what in FILES.items() if name in there)
    yield from (f"- no `{name}`: {_text(why)}" for name, why in manifest.left_out.items())
    for name, check in manifest.checks.items():
        yield (
            f"\n`{name}` was run when it was written ({_text(check.ran_with)}): largest difference "
            f"from the trained network {check.max_difference:.1e}."
        )


def _text(value: object) -> str:
    """Return text that cannot be taken for Markdown or HTML."""
    return re.sub(r"([\\`*_{}\[\]<>#|!&])", r"\\\1", " ".join(str(value).split()))


def _code(value: object) -> str:
    """Return text for between backticks."""
    return " ".join(str(value).replace("`", "'").replace("|", "¦").split())
