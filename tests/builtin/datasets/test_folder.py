import numpy as np
import pytest
from PIL import Image

from gansearch.builtin.datasets import folder
from gansearch.builtin.datasets.folder import Folder
from gansearch.errors import DataError

RED, BLUE = (255, 0, 0), (0, 0, 255)


@pytest.fixture
def pictures(tmp_path):
    for level in range(10):
        Image.new("RGB", (40, 30), (20 * level,) * 3).save(tmp_path / f"{level}.png")
    return tmp_path


def load_one(root, **fields):
    """The pixels of a picture that stands four times in a folder."""
    return Folder(root=str(root), height=8, width=8, **fields).load().train.samples[0]


def test_pictures_become_samples_of_one_shape(pictures):
    data = Folder(root=str(pictures), height=16, width=12, channels=1).load()
    assert data.train.samples.shape == (8, 1, 16, 12)
    assert data.test.samples.shape == (2, 1, 16, 12)
    assert data.is_image and data.warnings == ()
    assert data.source == f"folder {pictures.name} (8 train, 2 test)"


def test_subfolders_and_both_formats_are_found(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for name in ("a.PNG", "b.jpeg", "deep/c.jpg", "deep/er/d.png"):
        Image.new("L", (9, 9)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    data = Folder(root=str(tmp_path), height=8, width=8).load()
    assert len(data.train.samples) + len(data.test.samples) == 4


def test_the_split_depends_on_the_seed_alone_and_divides_the_pictures(pictures):
    one, again, other = (
        Folder(root=str(pictures), height=8, width=8, channels=1, seed=seed, scale=scale).load()
        for seed, scale in ((0, "symmetric"), (0, "unit"), (1, "unit"))
    )
    assert np.array_equal(one.test.samples, again.test.samples)
    assert not np.array_equal(one.test.samples, other.test.samples)
    levels = {*one.train.samples[:, 0, 0, 0].tolist(), *one.test.samples[:, 0, 0, 0].tolist()}
    assert levels == set(range(0, 200, 20))


def test_a_limit_leaves_the_test_pictures_alone(pictures):
    whole, limited = (
        Folder(root=str(pictures), height=8, width=8, limit=limit).load() for limit in (None, 3)
    )
    assert np.array_equal(limited.test.samples, whole.test.samples)
    assert np.array_equal(limited.train.samples, whole.train.samples[:3])


def test_pictures_beyond_the_limit_are_not_even_read(pictures, monkeypatch):
    read = []
    monkeypatch.setattr(
        folder,
        "read_picture",
        lambda path, *shape: read.append(path) or np.zeros((1, 8, 8), np.uint8),
    )
    Folder(root=str(pictures), height=8, width=8, limit=3).load()
    assert len(read) == 2 + 3


@pytest.fixture
def animals(tmp_path):
    for level, name in enumerate(("cats", "dogs", "owls")):
        (tmp_path / name / "deep").mkdir(parents=True)
        for n in range(4):
            Image.new("L", (8, 8), 80 * level).save(tmp_path / name / "deep" / f"{n}.png")
    return tmp_path


def test_labels_are_those_of_the_first_subfolders(animals):
    data = Folder(root=str(animals), height=8, width=8).load()
    for split in (data.train, data.test):
        assert np.array_equal(split.samples[:, 0, 0, 0], 80 * split.labels)


def test_classes_keep_their_labels_and_leave_the_other_subfolders_out(animals):
    data = Folder(root=str(animals), height=8, width=8, classes=("owls", "dogs")).load()
    assert len(data.train.samples) + len(data.test.samples) == 8
    assert {*data.train.labels, *data.test.labels} == {1, 2}


def test_pictures_outside_of_subfolders_leave_a_set_without_labels(animals):
    Image.new("L", (8, 8)).save(animals / "loose.png")
    data = Folder(root=str(animals), height=8, width=8).load()
    assert data.train.labels is None and data.test.labels is None


def test_an_unknown_class_is_told_the_known_ones(animals):
    with pytest.raises(
        DataError, match="no subfolder 'bats' of pictures; there are cats, dogs, owls"
    ):
        Folder(root=str(animals), classes=("dogs", "bats")).load()


def test_classes_of_a_folder_without_subfolders_are_refused(pictures):
    with pytest.raises(DataError, match="no subfolder 'cats' of pictures; there is none"):
        Folder(root=str(pictures), classes=("cats",)).load()


def test_the_middle_is_kept_when_the_sides_do_not_fit(tmp_path):
    wide = Image.new("RGB", (40, 8), RED)
    wide.paste(BLUE, (16, 0, 24, 8))
    for n in range(4):
        wide.save(tmp_path / f"{n}.png")
    assert np.array_equal(load_one(tmp_path)[:, 4, 4], BLUE)
    assert load_one(tmp_path)[0].max() == 0


def test_a_photograph_is_turned_upright(tmp_path):
    lying = Image.new("RGB", (16, 16), RED)
    lying.paste(BLUE, (0, 0, 8, 16))
    orientation = Image.Exif()
    orientation[0x0112] = 6  # to be turned by 90 degrees clockwise
    for n in range(4):
        lying.save(tmp_path / f"{n}.png", exif=orientation)
    top, bottom = load_one(tmp_path)[:, 0, 4], load_one(tmp_path)[:, 7, 4]
    assert top.tolist() == list(BLUE) and bottom.tolist() == list(RED)


def test_transparency_is_laid_on_white(tmp_path):
    for n in range(4):
        Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / f"{n}.png")
    assert load_one(tmp_path).min() == 255


def test_sixteen_bits_are_scaled_to_eight(tmp_path):
    for n in range(4):
        Image.fromarray(np.full((8, 8), 128 * 256, np.uint16)).save(tmp_path / f"{n}.png")
    assert np.all(load_one(tmp_path, channels=1) == 128)


def test_a_damaged_file_is_left_out_and_listed(pictures):
    whole = (pictures / "3.png").read_bytes()
    (pictures / "broken.png").write_bytes(whole[: len(whole) // 2])
    (pictures / "fake.jpg").write_text("no picture")
    data = Folder(root=str(pictures), height=8, width=8).load()
    assert len(data.train.samples) + len(data.test.samples) == 10
    assert [line.partition(":")[0] for line in data.warnings] == [
        "left out broken.png",
        "left out fake.jpg",
    ]
    assert "neither PNG nor JPEG" in data.warnings[1]


@pytest.mark.parametrize("side", [4001, 14_000])
def test_a_decompression_bomb_is_refused_by_its_header(pictures, side):
    Image.new("1", (side, side)).save(pictures / "bomb.png")
    (line,) = Folder(root=str(pictures), height=8, width=8).load().warnings
    assert line.startswith("left out bomb.png: more than 16000000 pixels")


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"nowhere is no folder: .*--set dataset\.root=FOLDER"):
        Folder(root=str(tmp_path / "nowhere")).load()


def test_too_few_usable_pictures_are_refused_with_the_reasons(tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(
        DataError, match=r"holds 0 usable.*\n  left out a\.png: neither PNG nor JPEG"
    ):
        Folder(root=str(tmp_path)).load()


def test_more_than_fits_into_memory_is_refused_before_reading(pictures, monkeypatch):
    monkeypatch.setattr(folder, "LARGEST_SET", 1000)
    with pytest.raises(DataError, match="give a limit or a smaller size"):
        Folder(root=str(pictures)).load()
