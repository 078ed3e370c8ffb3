import os
import zipfile

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError
from support.damage import flip_bit

from gansearch.builtin.datasets import folder, memory_map
from gansearch.builtin.datasets.folder import Folder
from gansearch.errors import DataError
from gansearch.testing import DatasetContract


@pytest.fixture
def pictures(tmp_path):
    """Ten pictures whose levels are 0, 20 ... 180, in a folder of their own."""
    root = tmp_path / "pictures"
    root.mkdir()
    for level in range(10):
        Image.new("RGB", (40, 30), (20 * level,) * 3).save(root / f"{level}.png")
    return root


def load(root, **fields):
    return Folder(root=str(root), **{"height": 8, "width": 8, **fields}).load()


def levels(data):
    """Levels of the pictures of one colour that a set holds."""
    return [*data.train.samples[:, 0, 0, 0].tolist(), *data.test.samples[:, 0, 0, 0].tolist()]


class TestFolderContract(DatasetContract):
    @pytest.fixture
    def component(self, pictures):
        return Folder(root=str(pictures), height=8, width=8)


def test_pictures_become_samples_of_one_shape(pictures):
    data = load(pictures, height=16, width=12, channels=1)
    assert data.train.samples.shape == (8, 1, 16, 12)
    assert data.test.samples.shape == (2, 1, 16, 12)
    assert data.is_image and data.warnings == ()
    assert data.source == "folder pictures (8 train, 2 test)"


def test_the_summary_says_what_is_trained_on(pictures):
    Image.new("L", (90, 60), 200).save(pictures / "grey.jpg")
    (pictures / "empty.png").touch()
    assert load(pictures).summary == (
        "11 pictures: 9 train, 2 test; at 8 x 8 RGB; from 10 PNG, 1 JPEG of 40 x 30 to 90 x 60 "
        "pixels (width x height); 1 files left out"
    )


def test_the_split_depends_on_the_seed_alone_and_divides_the_pictures(pictures):
    one, again, other = (
        load(pictures, channels=1, seed=seed, scale=scale)
        for seed, scale in ((0, "symmetric"), (0, "unit"), (1, "unit"))
    )
    assert np.array_equal(one.test.samples, again.test.samples)
    assert not np.array_equal(one.test.samples, other.test.samples)
    assert sorted(levels(one)) == [*range(0, 200, 20)]


def test_a_limit_leaves_the_test_pictures_alone(pictures):
    whole, limited = (load(pictures, limit=limit) for limit in (None, 3))
    assert np.array_equal(limited.test.samples, whole.test.samples)
    assert np.array_equal(limited.train.samples, whole.train.samples[:3])


def test_the_same_pictures_elsewhere_are_the_same_data(pictures, tmp_path):
    pictures.rename(moved := tmp_path / "moved")
    with zipfile.ZipFile(tmp_path / "moved.zip", "w") as archive:
        for path in moved.iterdir():
            archive.write(path, f"moved/{path.name}")
    assert load(moved).digest == load(tmp_path / "moved.zip").digest


def test_the_root_is_a_location_and_no_part_of_the_content():
    assert Folder.location == {"root"}


@pytest.mark.parametrize("root", ["nowhere", "no_zip.bin"])
def test_a_root_without_pictures_is_refused(tmp_path, root):
    (tmp_path / "no_zip.bin").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"is n.*--set dataset\.root=FOLDER"):
        load(tmp_path / root)


def test_too_few_usable_pictures_are_refused_with_the_reasons(tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(
        DataError, match=r"holds 0 usable.*\n  left out a\.png: no picture: not one of PNG, JPEG"
    ):
        load(tmp_path)


def test_a_damaged_file_is_left_out_and_named(pictures):
    whole = (pictures / "3.png").read_bytes()
    (pictures / "broken.png").write_bytes(whole[: len(whole) // 2])
    (pictures / "empty.png").touch()
    data = load(pictures)
    assert len(levels(data)) == 10
    assert [line.partition(": ")[0] for line in data.warnings] == [
        "left out broken.png",
        "left out empty.png",
    ]


def test_of_many_damaged_files_ten_are_named_and_all_are_counted(pictures):
    for n in range(12):
        (pictures / f"empty{n:02d}.png").touch()
    (pictures / "photo.heic").write_bytes(b"x")
    warnings = load(pictures).warnings
    assert warnings[0] == "left out 13 files: 12 empty, 1 .heic files are not read"
    assert warnings[1] == "left out empty00.png: empty"
    assert (len(warnings), warnings[-1]) == (12, "and 3 more")


def test_pictures_that_are_all_the_same_are_refused(tmp_path):
    for n in range(5):
        Image.new("L", (9, 9 + n), 7).save(tmp_path / f"{n}.png")
    with pytest.raises(DataError, match=r"all 5 pictures of .* are the same at 8 x 8"):
        load(tmp_path)


def test_copies_are_warned_of(pictures):
    for copy in range(5):
        for level in range(4):
            Image.new("RGB", (9, 9), (20 * level,) * 3).save(pictures / f"{level} ({copy}).png")
    few, repeated = load(pictures, test_share=0.5).warnings
    assert few == "only 10 of 30 pictures differ at 8 x 8"
    assert "of 15 test pictures are training pictures too" in repeated


def test_twelve_bits_use_the_whole_range(tmp_path):
    for n in range(6):
        grid = np.full((8, 8), 800 * n, np.uint16)
        Image.fromarray(grid).save(tmp_path / f"{n}.png")
    data = load(tmp_path, channels=1)
    assert sorted(levels(data)) == [round(800 * n * 255 / 4095) for n in range(6)]
    assert "pictures of more than 8 bits: 0 is black, 4095 white" in data.summary


@pytest.mark.parametrize("order", [("train", "cats"), ("cats", "train")])
def test_folders_train_and_test_are_splits(tmp_path, order):
    for split, count in (("Train", 6), ("test", 3)):
        for level, kind in enumerate(("cats", "dogs")):
            names = (split, kind) if order[0] == "train" else (kind, split)
            place = tmp_path.joinpath("all", *names)
            place.mkdir(parents=True)
            for n in range(count):
                level_of = 100 * level + 10 * n + (split == "test")
                Image.new("L", (8, 8), level_of).save(place / f"{n}.png")
    (tmp_path / "all" / "extra.png").write_bytes((place / "0.png").read_bytes())
    data = load(tmp_path)
    assert (len(data.train.samples), len(data.test.samples)) == (12, 6)
    assert all(level % 10 == 1 for level in data.test.samples[:, 0, 0, 0])
    assert np.array_equal(data.train.labels, data.train.samples[:, 0, 0, 0] >= 100)
    assert data.warnings == ("left out all/extra.png: beside the folders train and test",)


def test_a_set_over_the_memory_limit_is_mapped_from_the_cache(pictures, tmp_path, monkeypatch):
    whole = load(pictures, height=9)
    folder._load.cache_clear()
    monkeypatch.setattr(folder, "LARGEST_IN_MEMORY", 1000)
    monkeypatch.setattr(memory_map, "cache_folder", lambda: tmp_path / "cache")
    mapped = load(pictures, height=9)
    assert isinstance(mapped.train.samples, np.memmap) and mapped.train.samples.flags.writeable
    assert np.array_equal(mapped.train.samples, whole.train.samples)
    assert (mapped.digest, mapped.source, mapped.details) == (
        whole.digest,
        whole.source,
        whole.details,
    )


def test_a_mapped_set_is_built_again_only_when_a_file_changes(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "LARGEST_IN_MEMORY", 1000)
    monkeypatch.setattr(memory_map, "cache_folder", lambda: tmp_path / "cache")
    first = load(pictures)
    monkeypatch.setattr(folder, "_decode", None)  # would fail if it were decoded again
    assert load(pictures, scale="unit").digest == first.digest
    os.utime(pictures / "0.png", ns=(0, 0))
    folder._load.cache_clear()
    with pytest.raises(TypeError):
        load(pictures)


@pytest.mark.parametrize(("name", "text"), [("data.json", b'"train"'), ("train-labels.npy", b"")])
def test_a_mapped_set_whose_record_or_labels_are_damaged_is_built_again(
    tmp_path, monkeypatch, caplog, name, text
):
    for n in range(10):
        place = tmp_path / "classes" / str(n % 2)
        place.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 20 * n).save(place / f"{n}.png")
    monkeypatch.setattr(folder, "LARGEST_IN_MEMORY", 1)
    monkeypatch.setattr(memory_map, "cache_folder", lambda: tmp_path / "cache")
    first = load(tmp_path / "classes")
    (damaged,) = (tmp_path / "cache").rglob(name)
    sound = damaged.read_bytes()
    flip_bit(damaged, sound.index(text) + len(text) + 2 if text else -1)
    folder._load.cache_clear()
    again = load(tmp_path / "classes")
    assert np.array_equal(again.train.labels, first.train.labels)
    assert len(again.train.samples) == len(first.train.samples) == len(again.train.labels)
    assert damaged.read_bytes() == sound and "so the pictures are decoded anew" in caplog.text


def test_a_full_disk_is_told_before_decoding(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "LARGEST_IN_MEMORY", 1000)
    monkeypatch.setattr(memory_map, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(memory_map.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(DataError, match="give a limit or a smaller size, or make room"):
        load(pictures, width=9)


def test_an_unknown_background_is_refused():
    with pytest.raises(ValidationError, match="should be a colour such as white, black"):
        Folder(root="pictures", background="transparent-ish")


def test_flip_is_told_to_the_training_and_leaves_the_samples_alone(pictures):
    plain, flipped = load(pictures), load(pictures, flip=True)
    assert flipped.flip and not plain.flip
    assert flipped.digest == plain.digest
