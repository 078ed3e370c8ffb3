import numpy as np
import pytest
from PIL import Image

from gansearch.candidate import Candidate
from gansearch.registry import Registry
from gansearch.storage.run_folder import RunFolder
from gansearch.storage.trial_folder import CANDIDATE, DATA, GENERATOR
from gansearch.storage.weights import save_weights

SMALLEST = 7
"""The smallest trial within tolerance of the baseline."""


@pytest.fixture
def trained(run):
    """The run, in which one trial keeps a generator with a latent of 8."""
    files = RunFolder.open(run).trial(SMALLEST)
    described = {
        "dataset": {"use": "fashion-mnist"},
        "generator": {"use": "dcgan", "latent": 8, "width": 2, "levels": 2},
        "discriminator": {"use": "dcgan"},
        "loss": {"use": "bce"},
        "schedule": {"use": "alternating"},
    }
    candidate = Candidate.from_json(described, Registry())
    files.write_json(CANDIDATE, candidate.to_json())
    data = candidate.dataset.load()
    files.write_json(DATA, data.format.to_json())
    network = candidate.generator.build(data.shape)
    save_weights(network.state_dict(), files.path / GENERATOR)
    return run


def test_the_smallest_trial_that_is_good_enough_is_shown(call, trained):
    code, _, err = call("sample", trained)
    why = f"trial {SMALLEST}, the smallest within tolerance"
    assert (code, err) == (0, f"wrote {trained / 'samples.png'}: {why}\n")
    with Image.open(trained / "samples.png") as picture:
        assert picture.size == (8 * 29 * 2, 8 * 29 * 2)


def test_the_champion_is_shown_where_there_is_one(call, trained, certified):
    assert call("sample", trained)[2].endswith(f"trial {SMALLEST}, the champion\n")


def test_the_same_seed_gives_the_same_picture(call, trained, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert (
            call("sample", trained, "--count", 4, "--seed", seed, "-o", tmp_path / f"{name}.png")[0]
            == 0
        )
    a, b, c = ((tmp_path / f"{name}.png").read_bytes() for name in "abc")
    assert a == b != c


def test_walks_are_drawn_and_animated(call, trained, tmp_path):
    walk = ("--trial", SMALLEST, "--walk", 2, "--walk", 5, "--span", 2, "--frames", 3)
    assert call("sample", trained, *walk, "-o", tmp_path / "walk.png")[0] == 0
    assert call("sample", trained, *walk, "-o", tmp_path / "walk.gif")[0] == 0
    with Image.open(tmp_path / "walk.gif") as gif:
        assert gif.n_frames == 4


def test_a_dimension_out_of_range_is_refused(call, trained):
    code, _, err = call("sample", trained, "--walk", 8)
    assert (code, err) == (1, "the latent has dimensions 0 to 7, got 8\n")


def test_a_trial_without_a_generator_is_refused(call, trained):
    code, _, err = call("sample", trained, "--trial", 11)
    assert code == 1
    assert "keeps no generator.safetensors" in err


def test_an_unknown_trial_is_refused(call, trained):
    assert call("sample", trained, "--trial", 99)[::2] == (
        1,
        f"{trained} has no trial 99; it has 0 to 12\n",
    )


def test_only_the_place_of_the_data_may_be_set(call, trained, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert call("sample", trained, "--set", "dataset.root=/moved")[0] == 0
    code, _, err = call("sample", trained, "--set", "dataset.limit=5")
    assert code == 2 and "only the place of the data may be set (dataset.root=PLACE)" in err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("-o", "grid.jpg"), "must be one of .png, .gif"),
        (("-o", "grid.gif"), "a .gif shows a walk"),
        (("--walk", 1, "--count", 9), "--count is for a grid"),
        (("--grid", 3, "--count", 9), "--count is for a grid"),
        (("--walk", 1, "--grid", 9, "-o", "both.png"), "two pictures"),
        (("--span", 2.0), "these are for a walk"),
        (("--frames", 5), "these are for a walk"),
    ],
)
def test_options_that_say_nothing_together_are_wrong_usage(
    call, trained, options, told, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "200")
    code, _, err = call("sample", trained, *options)
    assert code == 2
    assert told in err


def test_a_grid_and_a_walk_are_drawn_at_once(call, trained, tmp_path):
    code, _, err = call("sample", trained, "--grid", 3, "--walk", 7)
    assert code == 0 and err.count("wrote ") == 2
    with Image.open(trained / "samples.png") as grid:
        assert grid.size == (3 * 29 * 2, 3 * 29 * 2)
    assert call("sample", trained, "--grid", 3, "--walk", 7, "-o", tmp_path)[0] == 0
    assert (tmp_path / "samples.png").exists() and (tmp_path / "walk.png").exists()


def test_a_bundle_is_sampled_into_the_working_folder(call, bundle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = call("sample", bundle, "--grid", 8, "--walk", 5)
    assert (code, err) == (
        0,
        "wrote samples.png: trial 0 of odd\nwrote walk.png: trial 0 of odd\n",
    )
    # The grid of seed 0 is the picture that lies in the bundle. Torch drew one and onnxruntime the
    # other, so a value may be rounded to its neighbour.
    with Image.open("samples.png") as drawn, Image.open(bundle / "samples.png") as kept:
        assert np.abs(np.asarray(drawn, int) - np.asarray(kept, int)).max() <= 1


def test_a_bundle_has_no_trials_to_choose_from(call, bundle):
    code, _, err = call("sample", bundle, "--trial", 3)
    words = err.replace("│", " ").split()
    assert code == 2 and "is a bundle, which has one trial" in " ".join(words)
