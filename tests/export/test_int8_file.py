import json
import shutil

import numpy as np
import pytest
import torch

from gansearch.cli import main
from gansearch.export.int8_file import write_int8
from gansearch.export.manifest import Check
from gansearch.export.onnx_file import OnnxError

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


@pytest.fixture
def latents():
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.standard_normal((300, 6), dtype=np.float32))


def test_a_network_in_int8_is_smaller_and_draws_nearly_the_same(made_bundle, latents, tmp_path):
    target = tmp_path / "int8.onnx"
    figures = write_int8(made_bundle / "generator.onnx", target, latents, 2.0, None)
    assert figures.bytes_after == target.stat().st_size < figures.bytes_before
    assert 0 < figures.mean_difference < 0.05
    assert set(figures.latency_ms_before) == set(figures.latency_ms_after) == {1, 64}
    assert figures.quality is None


def test_a_file_that_cannot_be_quantised_is_told_and_not_left(latents, tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    with pytest.raises(OnnxError, match="the network cannot be quantised"):
        write_int8(tmp_path / "broken.onnx", tmp_path / "int8.onnx", latents, 2.0, None)
    assert not (tmp_path / "int8.onnx").exists()


def test_an_export_in_int8_tells_size_time_and_quality(
    pictures, made_bundle, tmp_path, capsys, monkeypatch
):
    def as_before(network, inputs, path):  # the export to ONNX takes seconds
        shutil.copyfile(made_bundle / "generator.onnx", path)
        return Check(max_difference=0.0, tolerance=1e-5, ran_with="a copy")

    monkeypatch.setattr("gansearch.export.writer.write_onnx", as_before)
    bundle = tmp_path / "bundle"
    with pytest.raises(SystemExit) as ended:
        main(["export", str(pictures.path), "--int8", "-o", str(bundle)])
    assert not ended.value.code, capsys.readouterr().err
    int8 = json.loads((bundle / "metrics.json").read_text())["int8"]
    assert int8["bytes_after"] == (bundle / "generator.int8.onnx").stat().st_size
    assert int8["quality"]["metric"] == "mmd"
    assert int8["quality"]["after"] == pytest.approx(int8["quality"]["before"], rel=0.2)
    manifest = json.loads((bundle / "bundle.json").read_text())
    assert "generator.int8.onnx" in manifest["files"]
    card = (bundle / "README.md").read_text()
    assert f"| bytes | {int8['bytes_before']:,} | {int8['bytes_after']:,} |" in card
    assert "| mmd of 2000 samples |" in card
