import pytest

from gansearch.errors import RunFolderError
from gansearch.storage.run_folder import DATABASE, RunFolder
from gansearch.storage.trial_folder import DATA
from gansearch.study.data_identity import DataIdentity

TWENTY = DataIdentity(digest="a" * 64, train=16, test=4, source="folder faces (16 train, 4 test)")
MORE = DataIdentity(digest="b" * 64, train=19, test=5, source="folder faces (19 train, 5 test)")


@pytest.fixture
def begun(tmp_path, make_spec):
    """The folder of a study on twenty pictures whose search has begun."""
    spec = make_spec("dataset={use: folder, root: here}")
    folder = RunFolder.create(tmp_path / "run", spec, TWENTY, {"dataset.root"})
    folder.write_study(spec, TWENTY)
    (folder.path / DATABASE).touch()
    return folder


def test_the_same_pictures_elsewhere_are_accepted(begun, make_spec):
    moved = make_spec("dataset={use: folder, root: there}")
    folder = RunFolder.create(begun.path, moved, TWENTY, {"dataset.root"})
    folder.write_study(moved, TWENTY)
    assert folder.spec().dataset.fields["root"] == "there"


def test_other_pictures_in_the_same_place_are_refused_with_the_difference(begun):
    with pytest.raises(RunFolderError, match=r"(?s)the data differ.*16 train.*aaa.*19 train.*bbb"):
        RunFolder.create(begun.path, begun.spec(), MORE, {"dataset.root"})
    assert begun.data() == TWENTY


def test_a_folder_whose_search_has_not_begun_takes_other_pictures(begun):
    (begun.path / DATABASE).unlink()
    folder = RunFolder.create(begun.path, begun.spec(), MORE, {"dataset.root"})
    folder.write_study(begun.spec(), MORE)
    assert folder.data() == MORE


def test_another_study_is_refused(begun, make_spec):
    other = make_spec("dataset={use: folder, root: here, height: 9}")
    with pytest.raises(RunFolderError, match=r"differs.*\n  dataset.height: \(absent\) -> 9"):
        RunFolder.create(begun.path, other, TWENTY, {"dataset.root"})


@pytest.mark.parametrize("change", [("{", ""), ('"train": 16', '"train": 17')])
def test_a_damaged_identity_is_refused(begun, change):
    text = (begun.path / DATA).read_text()
    assert change[0] in text
    (begun.path / DATA).write_text(text.replace(*change))
    with pytest.raises(RunFolderError, match=r"data\.json cannot be read"):
        RunFolder.create(begun.path, begun.spec(), TWENTY, {"dataset.root"})
