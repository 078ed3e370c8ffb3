import pytest

from gansearch.registry import Registry
from gansearch.study.data_identity import DataIdentity, identity_differences, resolve_location


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with pictures beside a study, and a working folder elsewhere."""
    (tmp_path / "project" / "faces").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "project"


def resolved(root, beside):
    tree = {"dataset": {"use": "folder", "root": root}}
    resolve_location(tree, Registry(), [beside])
    return tree["dataset"]["root"]


def test_a_relative_root_is_found_beside_the_study(project):
    assert resolved("faces", project) == str(project / "faces")


def test_the_working_folder_goes_before_the_study_s(project):
    (own := project.parent / "elsewhere" / "faces").mkdir()
    assert resolved("faces", project) == str(own)


@pytest.mark.parametrize("root", ["nowhere", 7, None, "a\0b"])
def test_a_root_that_leads_nowhere_is_left_to_the_dataset(project, root):
    assert resolved(root, project) == root


def test_a_relative_path_of_an_extractor_is_found_beside_the_study(project):
    (project / "network.onnx").touch()
    tree = {"extractor": {"use": "onnx", "path": "network.onnx"}}
    resolve_location(tree, Registry(), [project])
    assert tree["extractor"]["path"] == str(project / "network.onnx")


@pytest.mark.parametrize(
    "tree", [None, {}, {"dataset": "folder"}, {"dataset": {"use": "none-such", "root": "faces"}}]
)
def test_a_study_without_a_known_dataset_is_left_alone(project, tree):
    before = repr(tree)
    resolve_location(tree, Registry(), [project])
    assert repr(tree) == before


def test_the_place_of_the_data_is_no_difference(make_spec):
    spec = "dataset={use: folder, root: %s, height: %d}"
    old, moved, other = (
        make_spec(spec % given) for given in (("here", 8), ("there", 8), ("here", 9))
    )
    assert identity_differences(old, moved, {"dataset.root"}) == []
    assert identity_differences(old, moved) == ["dataset.root: here -> there"]
    assert identity_differences(old, other, {"dataset.root"}) == ["dataset.height: 8 -> 9"]


def test_an_identity_comes_back_from_json_and_counts_the_samples(ring):
    identity = DataIdentity.of(ring)
    assert DataIdentity.model_validate_json(identity.model_dump_json()) == identity
    assert (identity.train, identity.test, identity.digest) == (1000, 500, ring.digest)


def test_a_candidate_is_the_same_wherever_its_data_lie(make_space):
    candidates = [
        make_space(f"dataset={{use: fashion-mnist, images: full, root: {root}}}").baseline
        for root in ("here", "there")
    ]
    assert candidates[0].identity == candidates[1].identity
    assert candidates[0].located(candidates[1].dataset.place()) == candidates[1]
