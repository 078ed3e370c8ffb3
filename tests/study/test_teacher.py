import json
import shutil

import pytest
from support.teachers import edit_json

from gansearch.errors import StudyError
from gansearch.export.trial_choice import summary_of
from gansearch.export.writer import export_trial
from gansearch.storage.run_folder import RunFolder
from gansearch.study.checked_study import CheckedStudy
from gansearch.study.study import Study
from gansearch.study.yaml_file import StudyDocument


@pytest.fixture
def place(recorded_teacher, tmp_path):
    """A copy of the folder with the teacher's run and the study of students."""
    return shutil.copytree(recorded_teacher, tmp_path / "place")


@pytest.fixture
def refused(place):
    """Return the message with which a study of students is refused."""

    def told(*changes):
        with pytest.raises(StudyError) as error:
            Study.load(place / "student.yaml", changes)
        return str(error.value)

    return told


def test_a_study_is_resolved_to_the_digest_of_its_teachers_weights(place):
    study = Study.load(place / "student.yaml")
    spec = study.spec.teacher
    assert spec.run == str(place / "wide")
    sums = (place / "wide/trials/0000/generator.safetensors.sha256").read_text()
    assert spec.sha256 == sums.split()[0]
    assert spec.discriminator_sha256 is None
    assert str(study.teacher) == "trial 0 of wide"
    assert study.teacher.record.parameters == 322


def test_a_study_that_may_be_adversarial_holds_the_discriminator_too(place):
    study = Study.load(place / "student.yaml", ["teacher.distill={choices: [pixel, adversarial]}"])
    sums = (place / "wide/trials/0000/discriminator.safetensors.sha256").read_text()
    assert study.spec.teacher.discriminator_sha256 == sums.split()[0]
    assert study.teacher.discriminator_weights is not None


def test_term_and_weight_can_be_searched(place):
    domains = ["teacher.distill={choices: [pixel, mmd]}", "teacher.weight={low: 0.1, high: 0.9}"]
    space = Study.load(place / "student.yaml", domains).space
    assert {"teacher.distill", "teacher.weight"} <= set(space.domains)
    parameters = space.baseline_parameters | {"teacher.distill": "mmd", "teacher.weight": 0.2}
    candidate = space.candidate(parameters)
    assert (candidate.teacher.distill, candidate.teacher.weight) == ("mmd", 0.2)
    assert candidate.identity != space.baseline.identity


def test_a_missing_run_is_told_with_its_place(refused):
    told = refused("teacher.run=nowhere")
    assert "teacher.run: there is no nowhere, here or beside the study file" in told


def test_a_mistake_has_its_line_in_the_file(place):
    text = (place / "student.yaml").read_text().replace("trial: 0", "trial: 7")
    (place / "student.yaml").write_text(text)
    with pytest.raises(StudyError, match=r"student.yaml:6:\d+: teacher.trial: .* has no trial 7"):
        CheckedStudy.load(place / "student.yaml")


def test_a_trial_without_weights_is_told(refused, place):
    (place / "wide/trials/0000/generator.safetensors").unlink()
    assert "trial 0" in (told := refused()) and "has no weights" in told


def test_damaged_weights_are_told(refused, place):
    path = place / "wide/trials/0000/generator.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert "is damaged: it does not match its SHA-256" in refused()


def test_a_failed_trial_cannot_be_a_teacher(refused, place):
    edit_json(place / "wide/trials/0000/verdict.json", verdict="mode-collapse")
    assert "cannot be a teacher: its verdict is mode-collapse" in refused()


def test_a_teacher_of_other_data_is_refused(refused):
    assert "was trained on other data: ring" in refused("dataset.samples=500")


def test_a_teacher_of_another_shape_is_refused(refused):
    told = refused("dataset={use: fashion-mnist}", "generator.output=tanh")
    assert "makes samples of 2 x 1 x 1, and the data are 1 x 28 x 28" in told


def test_a_student_of_a_smaller_latent_is_refused_by_terms_of_the_same_latents(refused, place):
    told = refused("generator.latent=2")
    assert "gives the teacher the first 4 values" in told and "generator.latent is 2" in told
    Study.load(place / "student.yaml", ["generator.latent=2", "teacher.distill=mmd"])


def test_a_component_of_a_file_is_never_imported_for_a_teacher(refused, place):
    (place / "evil.py").write_text("raise SystemExit('imported')")
    candidate = place / "wide/trials/0000/candidate.json"
    generator = json.loads(candidate.read_text())["generator"]
    edit_json(candidate, generator=generator | {"use": f"{place}/evil.py:Evil"})
    assert "is a class of a file" in refused()


def test_a_link_in_the_teachers_trial_is_refused(refused, place):
    path = place / "wide/trials/0000/generator.safetensors"
    path.rename(place / "elsewhere")
    path.symlink_to(place / "elsewhere")
    assert "is a link" in refused()


def test_a_trial_without_a_discriminator_cannot_teach_adversarially(refused, place):
    (place / "wide/trials/0000/discriminator.safetensors").unlink()
    assert "teacher.distill: adversarial needs the teacher's discriminator" in refused(
        "teacher.distill=adversarial"
    )


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("{run: wide}", "should name a trial of a run"),
        ("{run: wide, trial: 0, bundle: there}", "should name a trial of a run"),
        ("best", "should name a trial of a run"),
        ("{run: wide, trial: 0, weight: 2}", "weight"),
        ("{run: wide, trial: 0, distill: pixels}", "distill"),
        ("{run: wide, trial: 0, weight: {low: 0.5, high: 1.5}}", "which the field refuses"),
    ],
)
def test_a_wrong_section_is_refused(refused, section, told):
    message = refused(f"teacher={section}")
    assert "teacher" in message and told in message


def test_the_pinned_digest_refuses_other_weights(refused):
    told = refused(f"teacher.sha256={'ab' * 32}")
    assert "teacher.sha256: the weights of trial 0 of wide have changed" in told


def test_a_bundle_teaches_by_its_samples_and_not_adversarially(
    recorded_pictures, tmp_path, without_onnx
):
    run = summary_of(RunFolder.open(recorded_pictures))
    bundle = tmp_path / "bundle"
    folder = RunFolder.open(recorded_pictures)
    export_trial(folder, run.records[0], run, bundle)
    digest = Study.load(recorded_pictures / "study.yaml").data.digest
    metrics = json.loads((bundle / "metrics.json").read_text())
    metrics["protocol"]["dataset"]["sha256"] = digest
    edit_json(bundle / "metrics.json", **metrics)
    text = (
        "extends: {base}\nname: small\ngenerator: {{use: dcgan, width: 2, levels: 2, latent: 8}}\n"
        "teacher: {{bundle: bundle, distill: feature}}\n"
    )
    (tmp_path / "small.yaml").write_text(text.format(base=recorded_pictures / "study.yaml"))
    study = Study.load(tmp_path / "small.yaml")
    assert str(study.teacher) == "trial 0 of odd"
    assert study.teacher.record.parameters > 0
    assert any("favour them" in warning for warning in study.warnings)
    with pytest.raises(StudyError, match="bundles have none"):
        Study.load(tmp_path / "small.yaml", ["teacher.distill=adversarial"])


def test_what_leaves_a_run_does_not_name_the_teachers_folder(place):
    from gansearch.export.places import shared_study

    spec = Study.load(place / "student.yaml").spec
    assert shared_study(spec)["teacher"]["run"] == "wide"


def test_a_study_without_a_teacher_is_as_before(study_text):
    assert StudyDocument.parse(study_text).spec().teacher is None
