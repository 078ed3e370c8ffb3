import dataclasses
import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from support.export_runs import STAMP, STUDY, certify, exported, record_run

import gansearch
from gansearch.builtin.generators.dcgan import DCGANGenerator
from gansearch.export.manifest import BundleError
from gansearch.export.places import shared_study
from gansearch.export.trial_choice import summary_of
from gansearch.export.writer import export_trial
from gansearch.storage.weights import load_weights
from gansearch.study.yaml_file import StudyDocument

CODE = "```python\n"


def snippets(bundle):
    """The programs of a bundle's card."""
    parts = (bundle / "README.md").read_text().split(CODE)[1:]
    return [part.partition("```")[0] for part in parts]


def run_alone(code, folder, *refused):
    """Run a program in a fresh process where these packages cannot be imported."""
    blocked = f"import sys\nfor name in {refused!r}: sys.modules[name] = None\n"
    setting = {"PYTHONPATH": str(folder), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", blocked + code]
    return subprocess.run(command, cwd=folder, env=setting, capture_output=True, text=True)


def test_a_bundle_has_every_file_with_its_digest(bundle):
    manifest = json.loads((bundle / "bundle.json").read_text())
    there = {path.name for path in bundle.iterdir()} - {"bundle.json"}
    assert set(manifest["files"]) == there
    assert there == {
        "README.md",
        "generator.safetensors",
        "generator.safetensors.sha256",
        "generator.onnx",
        "model.py",
        "candidate.json",
        "study.yaml",
        "metrics.json",
        "samples.png",
    }
    for name, sha256 in manifest["files"].items():
        assert hashlib.sha256((bundle / name).read_bytes()).hexdigest() == sha256
    assert manifest["left_out"] == {}
    for name in ("generator.onnx", "model.py"):
        assert manifest["checks"][name]["max_difference"] <= 1e-5


def test_figures_are_kept_with_their_protocol(bundle):
    metrics = json.loads((bundle / "metrics.json").read_text())
    assert metrics["quality"] == {"mmd": 40.0}
    assert metrics["latency_ms"] == {"latency_ms_1": 0.5, "latency_ms_64": 9.0}
    assert metrics["protocol"] == STAMP


def test_the_programs_of_the_card_run_without_gansearch(bundle):
    onnx, torch_code = snippets(bundle)
    ended = run_alone(onnx, bundle, "gansearch", "torch")
    assert ended.returncode == 0, ended.stderr
    with Image.open(bundle / "grid.png") as grid, Image.open(bundle / "samples.png") as samples:
        drawn = np.asarray(grid, int).reshape(8, 28, 8, 28)
        kept = np.asarray(samples, int)[::2, ::2].reshape(8, 29, 8, 29)[:, :28, :, :28]
    assert np.abs(drawn - kept).max() <= 1  # the same latents, by onnxruntime and by torch
    ended = run_alone(torch_code + "print(samples.shape)", bundle, "gansearch", "onnxruntime")
    assert ended.stdout == "torch.Size([64, 1, 28, 28])\n", ended.stderr


def test_the_card_is_read_by_the_hub_and_holds_no_markup_of_strangers(bundle):
    _, front, body = (bundle / "README.md").read_text().split("---\n", 2)
    metadata = yaml.safe_load(front)
    assert metadata["pipeline_tag"] == "unconditional-image-generation"
    assert metadata["model-index"][0]["results"][0]["metrics"][0]["value"] == 40.0
    assert "<i>" not in body and r"pictures \<i\>of\</i\> \| us" in body
    assert "Not certified" in body and "0.5 ms for 1, 9 ms for 64" in body


def test_a_certificate_goes_along_and_what_is_missing_is_named(pictures, tmp_path, without_onnx):
    certify(pictures, [41.0, 42.0, 39.0, 45.0])
    manifest = exported(pictures, tmp_path / "bundle")
    assert manifest.champion and list(manifest.left_out) == ["generator.onnx"]
    assert json.loads((tmp_path / "bundle" / "certificate.json").read_text())["healthy"] == 4
    card = (tmp_path / "bundle" / "README.md").read_text()
    assert "4 of 4 trainings with fresh seeds came out healthy (stable; 4 were required)" in card
    assert "Their median mmd is 41.5, from 39 to 45." in card
    assert "- no `generator.onnx`: onnx, onnxscript, onnxruntime missing; pip install" in card


@pytest.mark.parametrize(
    ("generator", "dataset", "shape"),
    [
        (
            "{use: dense, width: 8, layers: 1, latent: 3, output: none}",
            "{use: ring-2d, samples: 200, test_samples: 100}",
            (2, 1, 1),
        ),
        (
            "{use: dcgan, width: 2, levels: 2, latent: 3, output: sigmoid}",
            "{use: folder, root: ROOT, height: 12, width: 10, channels: 3}",
            (3, 12, 10),
        ),
    ],
)
def test_points_and_colour_pictures_are_exported(
    generator, dataset, shape, colour_folder, tmp_path
):
    folder = record_run(tmp_path / "run", generator, dataset.replace("ROOT", str(colour_folder)))
    manifest = exported(folder, tmp_path / "bundle")
    assert manifest.left_out == {} and manifest.output.shape == shape
    bundle = gansearch.load(tmp_path / "bundle")
    assert bundle.sample(bundle.draw_latents(5)).shape == (5, *shape)
    ended = run_alone(snippets(bundle.path)[0], bundle.path, "gansearch", "torch")
    assert ended.returncode == 0, ended.stderr


def test_no_place_of_this_machine_leaves_it(colour_folder, tmp_path, without_onnx):
    dataset = f"{{use: folder, root: {colour_folder}, height: 12, width: 10, channels: 3}}"
    folder = record_run(tmp_path / "run", "{use: dcgan, width: 2, levels: 2, latent: 3}", dataset)
    exported(folder, tmp_path / "bundle")
    for path in (tmp_path / "bundle").iterdir():
        assert str(tmp_path).encode() not in path.read_bytes(), path.name
    study = yaml.safe_load((tmp_path / "bundle" / "study.yaml").read_text())
    assert study["dataset"]["root"] == colour_folder.name


def test_the_file_of_an_extractor_is_named_without_its_folder():
    extractor = f"{{use: onnx, path: /data/inception.onnx, sha256: {'0' * 64}}}"
    text = STUDY.replace("DATASET", "{use: fashion-mnist}").replace("GENERATOR", "{use: dcgan}")
    spec = StudyDocument.parse(f"{text}extractor: {extractor}\n").spec()
    assert shared_study(spec)["extractor"]["path"] == "inception.onnx"


def test_latents_of_a_plugins_own_are_not_passed_off_as_normal(
    pictures, tmp_path, without_onnx, monkeypatch
):
    monkeypatch.setattr(
        DCGANGenerator, "draw_latents", lambda self, n, device: torch.rand(n, self.latent)
    )
    manifest = exported(pictures, tmp_path / "bundle")
    assert manifest.input.kind == "custom"
    with pytest.raises(BundleError, match="draws its latents in its own way"):
        gansearch.load(tmp_path / "bundle").draw_latents(1)


def test_a_bundle_takes_the_place_of_an_older_one_and_of_nothing_else(
    pictures, bundle, tmp_path, without_onnx
):
    assert (bundle / "generator.onnx").exists()
    exported(pictures, bundle)
    assert not (bundle / "generator.onnx").exists()
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []

    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "to_her.txt").write_text("Dear")
    with pytest.raises(BundleError, match="holds something else than a bundle"):
        exported(pictures, tmp_path / "letters")
    (tmp_path / "link").symlink_to(bundle)
    with pytest.raises(BundleError, match="is no folder"):
        exported(pictures, tmp_path / "link")


def test_an_export_that_fails_leaves_the_older_bundle(pictures, bundle, without_onnx, monkeypatch):
    before = {path.name: path.read_bytes() for path in bundle.iterdir()}
    monkeypatch.setattr("gansearch.export.writer.model_card", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        exported(pictures, bundle)
    assert {path.name: path.read_bytes() for path in bundle.iterdir()} == before
    assert load_weights(bundle / "generator.safetensors")


def test_the_card_names_the_step_that_was_kept(pictures, tmp_path, without_onnx):
    run = summary_of(pictures)
    record = dataclasses.replace(run.records[0], kept_step=15)
    export_trial(pictures, record, run, tmp_path / "bundle")
    card = (tmp_path / "bundle/README.md").read_text()
    assert "The weights are those of step 15, where the samples were best." in card
