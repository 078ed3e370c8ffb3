import hashlib
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from support.export_runs import exported, record_run

import gansearch
from gansearch.components import ImageShape, SampleFormat
from gansearch.evaluation.evidence import quantise
from gansearch.export import bundle as bundling
from gansearch.export.bundle import to_stored
from gansearch.export.manifest import BundleError

WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
import gansearch
from gansearch.cli import main
bundle = gansearch.load(sys.argv[1])
print(bundle.sample(bundle.draw_latents(3, seed=1)).shape)
main(["sample", sys.argv[1], "--grid", "2", "--walk", "1", "-o", sys.argv[2]])
"""


def change(bundle, **changes):
    path = bundle / "bundle.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_onnx_and_torch_make_the_same_samples(bundle):
    loaded = gansearch.load(bundle)
    latents = loaded.draw_latents(300, seed=3)
    with torch.no_grad():
        expected = loaded.network()(torch.from_numpy(latents)).numpy()
    assert np.abs(loaded.generate(latents) - expected).max() < 1e-5


def test_a_bundle_is_sampled_without_torch(bundle, tmp_path):
    (tmp_path / "drawn").mkdir()
    command = [sys.executable, "-c", WITHOUT_TORCH, str(bundle), str(tmp_path / "drawn")]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.stdout == "(3, 1, 28, 28)\n", ended.stderr
    drawn = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert drawn == ["samples.png", "walk.png"], ended.stderr


def test_a_bundle_is_sampled_without_onnxruntime(bundle, monkeypatch):
    loaded = gansearch.load(bundle)
    latents = loaded.draw_latents(3, seed=1)
    expected = loaded.generate(latents)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert np.allclose(gansearch.load(bundle).generate(latents), expected, atol=1e-5)


def test_a_seed_draws_the_same_latents(bundle):
    loaded = gansearch.load(bundle)
    assert np.array_equal(loaded.draw_latents(4, seed=1), loaded.draw_latents(4, seed=1))
    assert not np.array_equal(loaded.draw_latents(4, seed=1), loaded.draw_latents(4, seed=2))


def test_samples_are_stored_as_a_run_stores_them():
    form = SampleFormat(ImageShape(1, 50, 40), True, (-1.0, 1.0))
    samples = torch.cat([torch.linspace(-1.2, 1.2, 1999), torch.tensor([torch.nan])])
    samples = samples.view(1, 1, 50, 40)
    assert np.array_equal(to_stored(samples.numpy(), form), quantise(samples, form).numpy())


def test_nothing_of_a_bundle_is_executed(bundle):
    (bundle / "model.py").write_text("raise SystemExit('executed')")
    loaded = gansearch.load(bundle)
    loaded.sample(loaded.draw_latents(2))
    loaded.network()


def test_a_class_of_a_file_is_not_imported(bundle, tmp_path):
    (tmp_path / "theirs.py").write_text("raise SystemExit('executed')")
    candidate = json.loads((bundle / "candidate.json").read_text())
    candidate["generator"]["use"] = f"{tmp_path}/theirs.py:Tiny"
    content = json.dumps(candidate)
    (bundle / "candidate.json").write_text(content)
    files = json.loads((bundle / "bundle.json").read_text())["files"]
    digest = hashlib.sha256(content.encode()).hexdigest()
    change(bundle, files=files | {"candidate.json": digest})
    with pytest.raises(BundleError, match=r"theirs\.py:Tiny, which is not imported for a bundle"):
        gansearch.load(bundle).network()


@pytest.mark.parametrize("name", ["generator.onnx", "generator.safetensors", "candidate.json"])
def test_a_file_that_has_changed_is_refused(bundle, name):
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)
    loaded = gansearch.load(bundle)
    with pytest.raises(BundleError, match=f"{name} is damaged: it does not match its digest"):
        loaded.generate(loaded.draw_latents(1)) if name == "generator.onnx" else loaded.network()


@pytest.mark.parametrize("missing", [(), ("onnxruntime",)])
def test_a_network_that_does_not_take_the_inputs_of_the_manifest_is_refused(
    bundle, monkeypatch, missing
):
    found = bundling.find_spec
    monkeypatch.setattr(
        bundling, "find_spec", lambda name: None if name in missing else found(name)
    )
    change(bundle, input={"kind": "normal", "shape": [3]})
    with pytest.raises(BundleError, match="cannot run"):
        gansearch.load(bundle).generate(np.zeros((1, 3)))


def test_a_pipe_in_place_of_a_file_is_not_read(bundle):
    (bundle / "generator.onnx").unlink()
    os.mkfifo(bundle / "generator.onnx")
    with pytest.raises(BundleError, match=r"generator\.onnx is no file"):
        gansearch.load(bundle).generate(np.zeros((1, 6)))


def test_inputs_of_another_shape_are_refused(bundle):
    with pytest.raises(BundleError, match=r"inputs must be of shape \(N, 6\), got \(2, 5\)"):
        gansearch.load(bundle).generate(np.zeros((2, 5)))


def test_samples_of_another_shape_than_promised_are_refused(bundle):
    output = {"shape": [3, 28, 28], "is_image": True, "value_range": [-1, 1]}
    change(bundle, output=output)
    loaded = gansearch.load(bundle)
    with pytest.raises(BundleError, match="but its manifest says"):
        loaded.generate(loaded.draw_latents(1))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"version": 2}, r"version: Input should be 1"),
        ({"input": {"kind": "normal", "shape": [0]}}, r"input\.shape\.0: .*greater than"),
        ({"input": {"kind": "normal", "shape": [2, 3]}}, "latents have one dimension"),
    ],
)
def test_a_manifest_that_cannot_be_right_is_refused(bundle, changes, told):
    change(bundle, **changes)
    with pytest.raises(BundleError, match=told):
        gansearch.load(bundle)


def test_another_folder_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match=r"is not a bundle: it has no bundle\.json"):
        gansearch.load(tmp_path)
    (tmp_path / "bundle.json").write_text(" " * 2_000_000)
    with pytest.raises(BundleError, match="too large for a manifest"):
        gansearch.load(tmp_path)


def test_an_autoencoder_is_run_on_samples_and_has_no_latents(tmp_path, without_onnx):
    pytest.importorskip("gansearch_ae_gan")
    folder = record_run(tmp_path / "run", "{use: autoencoder, width: 4, latent: 3}")
    manifest = exported(folder, tmp_path / "bundle")
    assert list(manifest.left_out) == ["generator.onnx"] and manifest.checks["model.py"]
    loaded = gansearch.load(tmp_path / "bundle")
    assert loaded.reconstructs and (loaded.path / "samples.png").exists()
    assert loaded.generate(np.zeros((2, 1, 28, 28))).shape == (2, 1, 28, 28)
    with pytest.raises(BundleError, match=r"is an autoencoder: .* no latents to draw"):
        loaded.draw_latents(1)
    shutil.rmtree(folder.trial(0).path / "samples")
    manifest = exported(folder, tmp_path / "bundle")
    assert manifest.left_out["samples.png"] == "the trial has kept no pictures of its samples"
