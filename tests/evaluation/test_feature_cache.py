import torch
from support.damage import flip_bit

from gansearch.evaluation.feature_cache import read_features, write_features

FEATURES = torch.arange(12.0).reshape(4, 3)


def test_features_are_kept_and_read_again():
    assert read_features("a") is None
    write_features("a", FEATURES)
    assert torch.equal(read_features("a"), FEATURES)


def test_no_flipped_bit_of_kept_features_goes_unnoticed(cache_folder, caplog):
    write_features("a", FEATURES)
    (path,) = cache_folder.rglob("*.npy")
    sound = path.read_bytes()
    for place in range(0, len(sound), 7):
        flip_bit(path, place)
        assert read_features("a") is None
        path.write_bytes(sound)
    assert "a.npy is damaged, so the features are measured anew" in caplog.text


def test_features_that_were_cut_off_are_measured_anew(cache_folder):
    write_features("a", FEATURES)
    (path,) = cache_folder.rglob("*.npy")
    path.write_bytes(path.read_bytes()[:20])
    assert read_features("a") is None
