import pytest

from gansearch.errors import StudyError
from gansearch.study.yaml_file import StudyDocument


@pytest.fixture
def write(tmp_path):
    """Writes a file of a study; gives its path."""

    def write(name, text):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.fixture
def base(write, study_text):
    return write("base.yaml", study_text)


def test_a_study_has_all_of_the_one_that_it_extends_but_what_it_says_itself(base, write):
    own = write(
        "own.yaml",
        "extends: base.yaml\nname: own\ngenerator: {width: {choices: [8, 64]}}\nloss: hinge\n",
    )
    spec = StudyDocument.read(own).spec()
    assert (spec.name, spec.loss[0].use, spec.training.steps) == ("own", "hinge", 20)
    assert spec.generator[0].fields["width"] == {"choices": [8, 64]}
    assert spec.generator[0].fields["layers"] == 1


def test_another_component_does_not_inherit_the_fields_of_the_first(base, write):
    own = write("own.yaml", "extends: base.yaml\nname: own\ndiscriminator: {use: downconv}\n")
    assert StudyDocument.read(own).spec().discriminator[0].fields == {}


def test_a_duration_in_epochs_replaces_one_in_steps(base, write):
    own = write("own.yaml", "extends: base.yaml\nname: own\ntraining: {epochs: 2}\n")
    training = StudyDocument.read(own).spec().training
    assert (training.epochs, training.steps, training.batch_size) == (2, None, 16)


def test_a_study_of_a_study_of_a_study_lies_where_it_likes(base, write):
    write("deep/middle.yaml", "extends: ../base.yaml\nname: middle\ntraining: {seed: 3}\n")
    own = write("own.yaml", "extends: deep/middle.yaml\nname: own\n")
    assert StudyDocument.read(own).spec().training.seed == 3


def test_a_mistake_is_located_in_the_file_that_has_it(write, study_text, tmp_path):
    write("base.yaml", study_text.replace("steps: 20", "steps: 0"))
    own = write("own.yaml", "extends: base.yaml\nname: own\nsearch: {trials: 0}\n")
    with pytest.raises(StudyError) as caught:
        StudyDocument.read(own).spec()
    first, second = str(caught.value).replace(f"{tmp_path}/", "").splitlines()
    assert first.startswith("own.yaml:3:10: search.trials: ")
    assert second.startswith("base.yaml:15:3: training.steps: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "extends: bas.yaml\nname: own\n",
            "1:1: extends: there is no file .*; write: extends: base",
        ),
        ("extends: own.yaml\nname: own\n", "1:1: extends: own.yaml extends this file in turn"),
        ("extends: [base.yaml]\nname: own\n", "1:1: extends: should be the path of a study file"),
        ("extends: base.yaml\n", "1:1: name: is missing: .* a name of its own; write: name: own"),
    ],
)
def test_what_cannot_be_extended_is_told_with_what_to_write(base, write, text, message):
    with pytest.raises(StudyError, match=message):
        StudyDocument.read(write("own.yaml", text)).spec()


def test_an_override_reaches_into_a_component_that_is_named_alone(base, write):
    own = write("own.yaml", "extends: base.yaml\nname: own\ngenerator: dense\nbaseline: {}\n")
    spec = StudyDocument.read(own, ["generator.width=16"]).spec()
    assert (spec.generator[0].use, spec.generator[0].fields["width"]) == ("dense", 16)
