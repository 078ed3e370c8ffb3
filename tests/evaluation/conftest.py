import pytest

from gansearch.evaluation import feature_cache


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    """A cache of features of the test's own, since its data may have a digest that is made up."""
    monkeypatch.setattr(feature_cache, "cache_folder", lambda: tmp_path)
    return tmp_path
