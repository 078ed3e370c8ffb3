"""`gansearch new`: from a folder of pictures, or an installed data set, to a study that runs."""

import numpy as np
import pytest
from PIL import Image

from gansearch.cli import main
from gansearch.study.checked_study import CheckedStudy


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with pictures of two classes, and the study that was written beside it."""
    folder = tmp_path_factory.mktemp("cats")
    pixels = np.random.default_rng(0).integers(0, 256, (24, 12, 12), dtype=np.uint8)
    for name, part in {"tabby": pixels[:14], "siamese": pixels[14:]}.items():
        (folder / "pictures" / name).mkdir(parents=True)
        for i, image in enumerate(part):
            Image.fromarray(image).save(folder / "pictures" / name / f"{i}.png")
    with pytest.raises(SystemExit) as stop:
        arguments = ["new", folder / "cats.yaml", "--images", folder / "pictures", "--budget", "9d"]
        main([str(argument) for argument in arguments])
    assert stop.value.code == 0
    return folder


def test_the_study_has_the_pictures_as_they_are(written):
    study = CheckedStudy.load(written / "cats.yaml")
    dataset = study.spec.dataset.fields
    assert (study.spec.name, dataset["height"], dataset["width"], dataset["channels"]) == (
        "cats", 12, 12, 1
    )  # fmt: skip
    assert "root: pictures," in (written / "cats.yaml").read_text()


def test_the_study_has_a_baseline_a_space_an_extractor_and_a_certification(written):
    study = CheckedStudy.load(written / "cats.yaml")
    assert {"generator.width", "generator.latent", "schedule.generator_lr"} <= {
        *study.space.domains
    }
    assert study.space.domains["generator.width"].contains(study.space.baseline.generator.width)
    assert study.spec.extractor is not None and study.spec.certification.at_end
    assert (study.spec.search.sampler, study.spec.search.trials) == ("shrink", 48)
    assert study.spec.training.augment  # for few pictures


def test_the_budget_is_explained_by_what_was_measured(written):
    text = (written / "cats.yaml").read_text().replace("\n# ", " ")
    assert "s for 100 steps of the baseline here; 48 trials" in text
    assert "combinations, and 2 continuous ranges to search" in text
    assert max(map(len, (written / "cats.yaml").read_text().splitlines())) <= 100


def test_a_file_that_exists_is_not_replaced(written, call):
    before = (written / "cats.yaml").read_text()
    code, _, err = call("new", written / "cats.yaml", "--images", written / "pictures")
    assert (code, "exists" in err, "--force" in err) == (1, True, True)
    assert (written / "cats.yaml").read_text() == before


def test_points_get_dense_networks(call, tmp_path):
    path = tmp_path / "ring.yaml"
    code, out, _ = call("new", path, "--dataset", "ring-2d", "--budget", "9d")
    assert code == 0 and f"next: gansearch run {path}" in out
    study = CheckedStudy.load(path)
    assert study.space.baseline.uses["generator"] == "dense" and study.spec.extractor is None


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--images", "nowhere"], 1, "nowhere is no folder"),
        (["--images", "."], 1, "holds no picture"),
        (["--dataset", "fashion"], 1, "did you mean 'fashion-mnist'"),
        (["--dataset", "folder"], 1, "needs root; use --images DIR"),
        ([], 2, "give the one or the other"),
        (["--dataset", "ring-2d", "--budget", "soon"], 2, "a duration such as 40m"),
        (["--images", ".", "--size", "large"], 2, "is written 64 or 64x48"),
        (["--dataset", "ring-2d", "--size", "8"], 2, "goes with --images"),
    ],
)
def test_what_cannot_be_a_study_is_said_and_writes_nothing(
    call, tmp_path, monkeypatch, arguments, code, message
):
    monkeypatch.chdir(tmp_path)
    found, _, err = call("new", "own.yaml", *arguments)
    assert (found, message in " ".join(err.replace("│", " ").split())) == (code, True), err
    assert not (tmp_path / "own.yaml").exists()
