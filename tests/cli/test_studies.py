import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from optuna.trial import FixedTrial
from PIL import Image

from gansearch.run import Study
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_reader import read_records
from gansearch.study.spec import missing_distributions
from gansearch.study.yaml_file import StudyDocument

DATA = Path(__file__).parents[1] / "data"
STUDIES = Path(__file__).parents[2] / "studies"
SHIPPED = pytest.mark.parametrize(
    "path", sorted(STUDIES.glob("*.yaml")), ids=lambda path: path.stem
)
QUICK = {"smoke", "modes_ring2d", "separable"}
"""Studies that are trained by default; the campaign trains the others too."""
TINY = {
    "training.epochs": "",
    "training.steps": 3,
    "training.batch_size": 8,
    "training.sample_every": 0,
    "training.checkpoint_every": 0,
    "training.eval_samples": 40,
    "queue": [],
    "search.trials": 2,
    "executor.workers": 1,
}

LIGHTER = {
    "shrink_faces80": {"discriminator.width": 4, "baseline.generator.width": 8, "constraints": {}}
}
"""Smaller settings of studies whose networks are too large for a test."""


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 20, 20, 3), dtype=np.uint8)
    for i, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{i}.png")
    return folder


@pytest.fixture
def settings_of(pictures, recorded_pictures):
    """Return a function that gives a shipped study the overrides `key=value` that it needs here."""

    def settings(path, more=()):
        tree = StudyDocument.read(path).tree
        if missing := missing_distributions(tree):
            pytest.skip(str(missing[0]))
        own = {"dataset.root": pictures} if tree["dataset"]["use"] == "folder" else {}
        if "teacher" in tree:
            teacher = {"run": recorded_pictures, "trial": 0, "distill": "mmd"}
            own |= {f"teacher.{key}": value for key, value in teacher.items()}
        return [f"{key}={value}" for key, value in (own | dict(more)).items()]

    return settings


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=() if path.stem in QUICK else pytest.mark.campaign, id=path.stem)
        for path in sorted(STUDIES.glob("*.yaml"))
    ],
)
def test_a_study_that_ships_runs_to_its_end(call, path, settings_of, tmp_path):
    changes = [
        part
        for setting in settings_of(path, TINY | LIGHTER.get(path.stem, {}))
        for part in ("--set", setting)
    ]
    code, _, err = call("run", path, "--out", tmp_path / "run", *changes)
    assert code == 0, err
    assert {record.state for record in read_records(RunFolder.open(tmp_path / "run"))} <= {
        "complete",
        "pruned",
    }


@SHIPPED
def test_the_candidates_that_a_study_names_can_all_be_built(path, settings_of):
    study = Study.load(path, settings_of(path))
    for parameters in study.space.given(study.spec.search):
        assert study.sizes(study.space.draw(FixedTrial(parameters)))["generator_params"] > 0


def test_the_face_study_names_the_baseline_and_its_two_reductions(settings_of):
    path = STUDIES / "shrink_faces80.yaml"
    study = Study.load(path, settings_of(path))
    named = [
        study.space.draw(FixedTrial(parameters))
        for parameters in study.space.given(study.spec.search)
    ]
    assert [study.sizes(candidate)["generator_params"] for candidate in named] == [
        1_381_891,
        900_403,
        580_203,
    ]


def test_a_study_without_its_pictures_says_how_to_give_them(call, tmp_path):
    code, _, err = call(
        "run", STUDIES / "shrink_faces80.yaml", "--set", f"dataset.root={tmp_path / 'none'}"
    )
    assert code == 1
    assert (
        "none is no folder" in err
        and "--set dataset.root=FOLDER" in err
        and "render_emoji.py" in err
    )


def totals(network):
    return network["total"], network["trainable"], network["non_trainable"]


@pytest.mark.parametrize(
    ("settings", "total"),
    [
        ([], 1_381_891),
        (["generator.width=100"], 900_403),
        (["generator.width=100", "generator.layers=2"], 580_203),
    ],
)
def test_the_face_generators_count_as_their_reports_say(call, pictures, settings, total):
    changes = [
        part for setting in [f"dataset.root={pictures}", *settings] for part in ("--set", setting)
    ]
    code, out, _ = call("summary", DATA / "face_baseline.yaml", "--json", *changes)
    assert code == 0
    assert totals(json.loads(out)["generator"]) == (total, total, 0)


def test_the_dense_course_work_counts_as_keras_printed_it(call):
    told = json.loads(call("summary", DATA / "coursework_dense.yaml", "--json")[1])
    assert totals(told["generator"]) == (1_493_520, 1_489_936, 3_584)
    assert totals(told["discriminator"]) == (1_467_393, 1_463_809, 3_584)
    assert totals(told["gan"]) == (2_960_913, 1_489_936, 1_470_977)


def test_the_convolutional_course_work_counts_as_keras_printed_it(call):
    told = json.loads(call("summary", DATA / "coursework_conv.yaml", "--json")[1])
    assert totals(told["generator"]) == (54_713, 54_377, 336)
    assert totals(told["discriminator"]) == (53_505, 53_313, 192)
    assert totals(told["gan"]) == (108_218, 54_377, 53_841)


def test_the_layer_table_gives_shapes_and_adds_up(call):
    generator = json.loads(call("summary", DATA / "coursework_conv.yaml", "--json")[1])["generator"]
    painted = [layer for layer in generator["layers"] if layer["type"] == "ConvTranspose2d"]
    assert [layer["output"] for layer in painted] == [[56, 14, 14], [112, 28, 28]]
    assert [layer["parameters"] for layer in painted] == [28_728, 25_200]
    assert sum(layer["parameters"] for layer in generator["layers"]) == generator["total"]


def test_a_summary_for_people_names_the_totals(call):
    _, out, _ = call("summary", DATA / "coursework_dense.yaml")
    assert "total 2,960,913, trainable 1,489,936, non-trainable 1,470,977" in out


def test_validate_counts_the_baseline_of_a_sound_study(call):
    code, out, _ = call("validate", DATA / "coursework_conv.yaml", "--json")
    told = json.loads(out)
    assert (code, told["valid"], told["baseline"]["generator_params"]) == (0, True, 54_713)


def test_validate_shows_how_real_samples_and_trivial_generators_are_measured(call):
    _, out, _ = call("validate", DATA / "coursework_conv.yaml")
    assert "pair is near within" in out and "one, with noise" in out
    _, out, _ = call("validate", DATA / "coursework_conv.yaml", "--json")
    assert json.loads(out)["calibration"]["trivial"]["one"]["coverage"] < 0.02


def test_validate_prints_the_study_with_all_its_defaults(call):
    code, out, _ = call("validate", DATA / "coursework_conv.yaml", "--resolved")
    assert code == 0
    printed = yaml.safe_load(out)
    assert printed["executor"]["use"] == "local"  # which the file does not say
    assert StudyDocument.parse(out).spec().resolved() == printed


def test_validate_warns_of_a_training_that_is_too_short_to_be_judged(call):
    _, out, _ = call("validate", DATA / "coursework_conv.yaml", "--set", "training.steps=30")
    assert "trainings of 30 steps can hardly be judged" in " ".join(out.split())


def test_validate_locates_every_mistake(call, tmp_path):
    study = tmp_path / "study.yaml"
    text = (DATA / "coursework_dense.yaml").read_text()
    study.write_text(
        text.replace("use: bce", "use: bcee").replace("order: activation-norm", "oder: 1")
    )
    code, out, err = call("validate", study)
    assert (code, out) == (2, "")
    assert err.count(f"{study}:") == 3
    assert "unknown loss 'bcee'; did you mean 'bce'" in err


def test_validate_as_json_gives_line_and_message(call, tmp_path):
    study = tmp_path / "study.yaml"
    study.write_text((DATA / "coursework_dense.yaml").read_text().replace("use: bce", "use: bcee"))
    code, out, _ = call("validate", study, "--json")
    (problem,) = json.loads(out)["problems"]
    assert (code, problem["line"], problem["where"]) == (2, 6, "loss.use")


def test_networks_are_counted_before_the_pictures_are_there(call, tmp_path):
    settings = ["--set", f"dataset.root={tmp_path / 'none'}"]
    code, out, err = call("summary", STUDIES / "shrink_faces80.yaml", "--json", *settings)
    assert (code, err) == (0, "")
    assert json.loads(out)["generator"]["total"] == 1_381_891


def test_validate_counts_the_baseline_and_then_says_that_the_pictures_are_missing(call, tmp_path):
    settings = ["--set", f"dataset.root={tmp_path / 'none'}"]
    code, out, err = call("validate", STUDIES / "shrink_faces80.yaml", *settings)
    assert code == 1
    assert "is valid, and its data are missing" in out and "generator_params 1,381,891" in out
    assert "none is no folder" in err
    code, out, _ = call("validate", STUDIES / "shrink_faces80.yaml", "--json", *settings)
    told = json.loads(out)
    assert (code, told["valid"], told["data"]) == (1, True, None)
    assert "is no folder" in told["data_problem"]
    assert told["baseline"]["generator_params"] == 1_381_891


def test_a_missing_study_is_a_wrong_study(call, tmp_path):
    code, _, err = call("summary", tmp_path / "none.yaml")
    assert code == 2
    assert "cannot be read" in err and "Traceback" not in err


def test_the_schema_offers_the_components_and_their_fields(call):
    tree = json.loads(call("schema")[1])
    *offered, alone, _ = tree["properties"]["generator"]["anyOf"][0]["anyOf"]
    offered = [entry["$ref"] for entry in offered]
    assert "upconv" in alone["enum"]
    assert "#/$defs/generator.upconv" in offered
    fields = tree["$defs"]["generator.upconv"]["properties"]
    assert fields["use"] == {"const": "upconv", "description": fields["use"]["description"]}
    assert {"$ref": "#/$defs/Domain"} in fields["width"]["anyOf"]
    assert "mmd" in tree["$defs"]["ObjectiveSpec"]["properties"]["metric"]["enum"]


def test_the_schema_that_ships_beside_the_studies_is_that_of_the_command(call):
    assert (Path(__file__).parents[2] / "study.schema.json").read_text() == call("schema")[1]


def test_every_reference_in_the_schema_leads_somewhere(call):
    text = call("schema")[1]
    tree = json.loads(text)
    references = {part.partition('"')[0] for part in text.split('"#/$defs/')[1:]}
    assert references <= set(tree["$defs"])
