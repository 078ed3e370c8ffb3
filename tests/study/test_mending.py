"""Lines that messages propose: each, written in the place of what was wrong, mends the file."""

import pytest
from PIL import Image

from gansearch.errors import StudyError
from gansearch.study.checked_study import CheckedStudy

STUDY = {
    "name": "first",
    "dataset": "fashion-mnist",
    "generator": "{use: dcgan, levels: 2, width: {choices: [2, 4, 8]}}",
    "discriminator": "{use: dcgan, layers: 2, width: 8, norm: none}",
    "loss": "bce",
    "schedule": "alternating",
    "objectives": "[generator_params, mmd]",
}


@pytest.fixture
def load(tmp_path):
    """Load a study of these lines; gives the study, or the problems."""

    def load(lines):
        path = tmp_path / "study.yaml"
        path.write_text("".join(f"{key}: {value}\n" for key, value in lines.items()))
        try:
            return CheckedStudy.load(path), ()
        except StudyError as error:
            return None, error.problems

    return load


def test_a_study_in_its_shortest_form_is_valid(load):
    study, problems = load(STUDY)
    assert not problems
    assert [objective.direction for objective in study.spec.objectives] == ["minimize"] * 2
    assert study.space.baseline.uses["loss"] == "bce"


def test_a_baseline_that_nobody_wrote_is_the_largest_that_is_searched(load):
    study, _ = load(STUDY)
    assert study.space.baseline.generator.width == 8


def test_a_rate_that_nobody_wrote_is_the_nearest_to_the_default(load):
    domain = "{use: alternating, generator_lr: {low: 1.0e-3, high: 1.0e-1, log: true}}"
    study, _ = load(STUDY | {"schedule": domain})
    assert study.space.baseline.schedule.generator_lr == 1e-3


def generator(field):
    return {"generator": f"{{use: dcgan, levels: 2, {field}}}"}


FIELD = [
    generator("width: {values: [2, 4, 8]}"),
    generator("width: [2, 4, 8]"),
    generator("width: {min: 2, max: 8}"),
    generator("width: \"trial.suggest_int('w', 2, 8)\""),
    generator("width: {low: 8, high: 2}"),
    generator("width: {low: 2, high: 8, log: yes please}"),
    generator("filters: {values: [2, 4]}"),
    generator("widht: 4"),
    generator("norm: [batch, none]"),
    generator("norm: Batch"),
    {"loss": "{use: BCE}"},
    {"discriminator": "{type: dcgan, layers: 2}"},
    {"schedule": "{use: alternating, lr: 0.001}"},
    {"schedule": "{use: alternating, optimizer: Adam}"},
    {"training": "{steps: 1e3}"},
    {"training": "{step: 100}"},
    {"training": "{precision: FP32}"},
    {"search": "{sampler: bayesian}"},
    {"objectives": "[{metric: generator_params, direction: min}, {metric: mmd}]"},
    {"objectives": "[{metric: generator_params}, {metric: FID}]"},
    {"objectives": "[generator_params, FID]"},
    {"metrics": "[fid, Coverage]"},
    {"baseline": "{generator: {width: 64}}"},
    {"baseline": "{generator: {widht: 4}}"},
    {"executor": "{use: Ray}"},
]
"""Mistakes in a field of a section, which is mended alone."""


@pytest.mark.parametrize("mistake", FIELD, ids=str)
def test_the_line_for_a_field_mends_the_file(load, mistake):
    _, (problem,) = load(STUDY | mistake)
    key, _, value = problem.fix.partition(": ")
    (section, written), wrong = next(iter(mistake.items())), str(problem.where[-1])
    if isinstance(problem.where[-1], int):  # an item of a list
        wrong, key, value = ("FID" if section == "objectives" else "Coverage"), problem.fix, ""
    if wrong not in written:
        wrong = {"use": "type"}[wrong]
    start = written.rindex(wrong)
    end = start + len(wrong)
    depth = 0
    for end in range(start, len(written)):
        depth += (written[end] in "[{(") - (written[end] in "]})")
        if depth < 0 or (depth == 0 and written[end] == ","):
            break
    line = f"{key}: {value}" if value else key
    study, problems = load(STUDY | {section: written[:start] + line + written[end:]})
    assert study, problems


SECTION = [
    {"training": "1500"},
    {"search": "tpe"},
    {"search": "12"},
    {"certification": "false"},
    {"pruning": "false"},
    {"executor": "ray"},
    {"generator": "{dcgan: {width: 4, levels: 2}}"},
    {"loss": "BCE"},
    {"epochs": "3"},
    {"n_trials": "40"},
    {"method": "bayes"},
    {"serach": "{trials: 4}"},
    {"name": "my first study!"},
    {"metric": "{name: FID, goal: minimize}"},
    {"parameters": "{width: {values: [2, 4]}}"},
]
"""Mistakes of which a whole line of the file is mended."""


@pytest.mark.parametrize("mistake", SECTION, ids=str)
def test_the_line_for_a_section_mends_the_file(load, mistake):
    (wrong,) = mistake
    _, problems = load(STUDY | mistake)
    (fix,) = [problem.fix for problem in problems if problem.fix]
    key, _, value = fix.partition(": ")
    lines = {k: v for k, v in (STUDY | mistake).items() if k != wrong}
    study, problems = load(lines | {key: value})
    assert study, problems


@pytest.mark.parametrize("key", STUDY)
def test_the_line_for_a_key_that_is_missing_mends_the_file(load, key):
    _, problems = load({k: v for k, v in STUDY.items() if k != key})
    (fix,) = [problem.fix for problem in problems if problem.fix]
    missing, _, value = fix.partition(": ")
    assert missing == key
    study, problems = load(STUDY | {key: value})
    assert study, problems


FIRST_STUDY = """\
name: first
dataset:
  use: folder
  root: faces
  height: 28
  width: 28
generator:
  use: dcgan
  levels: 2
  width: {choices: [2, 4, 8]}
discriminator:
  use: dcgan
  layers: 2
  width: 8
  norm: none
loss: bce
schedule:
  use: alternating
  generator_lr: {low: 1.0e-4, high: 2.0e-3, log: true}
training:
  steps: 100
  device: cpu
objectives:
  - metric: generator_params
    direction: minimize
  - metric: mmd
    direction: minimize
baseline:
  generator:
    width: 8
search:
  sampler: tpe
  trials: 6
"""
"""A study of a folder of pictures, as a newcomer writes it: each key on a line of its own."""

FIRST_MISTAKES = {
    "a domain as a sweep has it": ("width: {choices: [2, 4, 8]}", "width: {values: [2, 4, 8]}"),
    "a list for a domain": ("width: {choices: [2, 4, 8]}", "width: [2, 4, 8]"),
    "a baseline outside the domain": ("    width: 8\nsearch", "    width: 64\nsearch"),
    "a metric in capitals": ("metric: mmd", "metric: FID"),
    "one learning rate for both": (
        "generator_lr: {low: 1.0e-4, high: 2.0e-3, log: true}",
        "learning_rate: 0.001",
    ),
    "epochs outside their section": (
        "training:\n  steps: 100\n  device: cpu\n",
        "epochs: 3\n",
    ),
    "a loss by its long name": ("loss: bce", "loss: binary_crossentropy"),
    "a path for the root": ("root: faces", "path: faces"),
    "a device by its kind": ("device: cpu", "device: gpu"),
    "trials as another tool counts them": ("  trials: 6", "  n_trials: 6"),
}


def pasted(text, problem):
    """Return a file in which the proposed line stands in place of the wrong key and its block."""
    lines = text.splitlines()
    above, below = lines[: problem.line - 1], lines[problem.line :]
    indent = " " * (problem.column - 1)
    while below and below[0].startswith(indent + " "):
        below.pop(0)
    start = lines[problem.line - 1][: problem.column - 1]  # blanks, or the dash of a list
    return "\n".join([*above, start + problem.fix, *below]) + "\n"


@pytest.mark.parametrize("mistake", FIRST_MISTAKES)
def test_the_ten_mistakes_of_a_first_study_are_each_mended_by_the_line_to_paste(mistake, tmp_path):
    (tmp_path / "faces").mkdir()
    for level in (0, 60, 120, 180):
        Image.new("L", (28, 28), level).save(tmp_path / "faces" / f"{level}.png")
    right, wrong = FIRST_MISTAKES[mistake]
    assert FIRST_STUDY.count(right) == 1
    path = tmp_path / "study.yaml"
    path.write_text(FIRST_STUDY.replace(right, wrong))
    with pytest.raises(StudyError) as caught:
        CheckedStudy.load(path)
    (problem,) = caught.value.problems
    path.write_text(pasted(path.read_text(), problem))
    CheckedStudy.load(path)


def test_names_of_earlier_versions_are_understood(load):
    study, _ = load(STUDY | {"training": "{judged_samples: 50, read_every: 5}"})
    assert (study.spec.training.eval_samples, study.spec.training.signals_every) == (50, 5)


def test_mistakes_of_all_parts_are_told_in_one_round(load):
    _, problems = load(
        STUDY
        | {
            "generator": "{use: dcgan, levels: 2, width: {low: 4, high: 2}}",
            "schedule": "{use: alternating, generator_lr: {low: 1.0e-3, high: 1.0e-2}}",
            "training": "{steps: 0}",
            "executor": "{workers_per_candidate: 3}",
            "baseline": "{schedule: {generator_lr: 1}, loss: {use: hinge}}",
            "objectives": "[generator_params, generator_macs]",
            "search": "{sampler: shrink}",
            "reference": "{generator_params: 0, generator_macs: 1}",
        }
    )
    assert {".".join(map(str, problem.where)) for problem in problems} == {
        "generator.width",
        "training.steps",
        "baseline.schedule.generator_lr",
        "baseline.loss.use",
        "search.sampler",
        "reference.generator_params",
    }


def test_a_duplicate_key_is_told_with_the_other_mistakes(load, tmp_path):
    path = tmp_path / "study.yaml"
    text = "".join(f"{key}: {value}\n" for key, value in STUDY.items())
    path.write_text(text + "loss: hinge\ntraining: {steps: 0}\n")
    with pytest.raises(StudyError, match="duplicate key") as caught:
        CheckedStudy.load(path)
    assert "training.steps" in str(caught.value)


def test_pictures_that_are_missing_are_told_with_the_other_mistakes(load):
    folder = "{use: folder, root: nowhere, height: 28, width: 28}"
    _, problems = load(STUDY | {"dataset": folder, "loss": "bcee"})
    assert [".".join(map(str, problem.where)) for problem in problems] == [
        "dataset.root",
        "loss",
    ]
    assert load(STUDY | {"dataset": folder})[0] is not None


MINE = '''
from gansearch.builtin.generators.dcgan import DCGANGenerator


class Mine(DCGANGenerator):
    """Somebody's first try."""
'''


def test_a_component_of_a_file_is_found_beside_the_study_and_hashed(load, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    lines = STUDY | {"generator": "{use: ./mine.py:Mine, levels: 2, width: {choices: [2, 4]}}"}
    study, problems = load(lines)
    assert study, problems
    use = study.spec.generator[0].use
    assert use.startswith(f"{tmp_path / 'mine.py'}:Mine#")
    assert type(study.space.baseline.generator).summary() == "Somebody's first try."

    (tmp_path / "mine.py").write_text(MINE + "\n\nWIDTH = 3\n")
    other, _ = load(lines)
    assert other.space.baseline.identity != study.space.baseline.identity
    (difference,) = study.spec.differences(other.spec)
    assert difference.startswith("generator.0.use: Mine#")


def test_a_class_that_a_file_does_not_have_is_told_with_those_it_has(load, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    _, (problem,) = load(STUDY | {"generator": "{use: mine.py:mine, levels: 2}"})
    assert "has no 'mine'; did you mean 'Mine'" in problem.message
