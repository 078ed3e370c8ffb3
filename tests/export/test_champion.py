import json
import logging

import pytest
from support.export_runs import certify

from gansearch.export.champion import keep_champion

pytestmark = pytest.mark.usefixtures("without_onnx")


def manifest(folder):
    return json.loads((folder.champion / "bundle.json").read_text())


def test_there_is_no_folder_without_a_champion(pictures, caplog):
    keep_champion(pictures)
    assert not pictures.champion.exists() and not caplog.records


def test_the_champion_is_exported_once_and_again_when_its_certificate_changes(pictures, caplog):
    caplog.set_level(logging.INFO, "gansearch")
    certify(pictures, [41.0, 42.0, 39.0, 45.0])
    keep_champion(pictures)
    assert manifest(pictures)["champion"]
    assert caplog.messages == [
        f"exported trial 0, the champion, to {pictures.champion} (without generator.onnx: "
        "onnx, onnxscript, onnxruntime missing; pip install 'gansearch[export]')"
    ]
    written = (pictures.champion / "bundle.json").stat().st_mtime_ns
    keep_champion(pictures)
    assert (pictures.champion / "bundle.json").stat().st_mtime_ns == written

    certify(pictures, [41.0, 42.0, 39.0, 45.0, 40.0])
    keep_champion(pictures)
    assert json.loads((pictures.champion / "certificate.json").read_text())["healthy"] == 5


def test_the_bundle_of_a_former_champion_moves_to_the_exports(pictures):
    certify(pictures, [41.0, 42.0, 39.0, 45.0])
    keep_champion(pictures)
    record = manifest(pictures) | {"trial": 7, "identity": "another"}
    (pictures.champion / "bundle.json").write_text(json.dumps(record))
    keep_champion(pictures)
    assert manifest(pictures)["trial"] == 0
    assert json.loads((pictures.bundle(7) / "bundle.json").read_text())["identity"] == "another"


def test_an_export_that_fails_is_a_warning(pictures, caplog):
    certify(pictures, [41.0, 42.0, 39.0, 45.0])
    (pictures.trial(0).path / "generator.safetensors").unlink()
    keep_champion(pictures)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "the champion was not exported (RunFolderError:" in record.getMessage()
