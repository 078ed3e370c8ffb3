import json


def test_a_trial_is_exported_into_the_run_folder(call, pictures, without_onnx):
    code, out, _ = call("export", pictures.path, "--trial", 0)
    assert code == 0
    first, *checks = out.splitlines()
    assert first == f"wrote {pictures.bundle(0)}: trial 0"
    assert [line.split(":")[0].strip() for line in checks] == [
        "model.py",
        "no generator.onnx",
    ]
    assert json.loads((pictures.bundle(0) / "bundle.json").read_text())["trial"] == 0


def test_an_export_is_told_as_json(call, pictures, tmp_path, without_onnx):
    code, out, _ = call("export", pictures.path, "-o", tmp_path / "mine", "--json")
    told = json.loads(out)
    assert code == 0 and told["path"] == str(tmp_path / "mine")
    assert told["left_out"]["generator.onnx"].startswith("onnx, onnxscript, onnxruntime missing")


def test_an_unknown_trial_and_another_folder_are_refused(call, pictures):
    code, _, err = call("export", pictures.path, "--trial", 9)
    assert (code, err) == (1, f"{pictures.path} has no trial 9; it has 0 to 0\n")
    code, _, err = call("export", pictures.path, "-o", pictures.path)
    assert code == 1 and "holds something else than a bundle" in err
