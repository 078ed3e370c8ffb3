import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gansearch.component_file import (
    content_reference,
    is_file_reference,
    load_from_file,
    located_reference,
)
from gansearch.errors import PluginError
from gansearch.registry import Registry

MINE = '''
from typing import Annotated

from pydantic import Field
from torch import nn

from gansearch.components import Generator, ImageShape
from gansearch.domains import Choices


class Tiny(Generator):
    """One linear layer."""

    latent: Annotated[int, Field(ge=1), Choices(2, 8)] = 8
    """Length of a latent."""

    def build(self, images: ImageShape) -> nn.Module:
        return nn.Sequential(nn.Linear(self.latent, images.numel), nn.Unflatten(1, tuple(images)))
'''


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def test_a_class_is_loaded_from_a_file_beside_the_study(mine, tmp_path):
    use = located_reference("./mine.py:Tiny", [Path("/nowhere"), tmp_path])
    assert use.startswith(f"{mine}:Tiny#") and len(use.rpartition("#")[2]) == 16
    assert Registry().load("generator", use).summary() == "One linear layer."


def test_the_same_content_is_the_same_wherever_it_lies(mine, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "theirs.py").write_text(MINE)
    uses = [located_reference(use, [tmp_path]) for use in ("mine.py:Tiny", "other/theirs.py:Tiny")]
    assert uses[0] != uses[1] and content_reference(uses[0]) == content_reference(uses[1])


def test_a_file_that_has_changed_is_refused(mine, tmp_path):
    use = located_reference("mine.py:Tiny", [tmp_path])
    mine.write_text(MINE + "\n# changed\n")
    with pytest.raises(PluginError, match="has changed since the run began"):
        load_from_file(use)


def test_its_components_are_pickled_by_the_file(mine, tmp_path):
    component = load_from_file(located_reference("mine.py:Tiny", [tmp_path]))(latent=2)
    assert str(mine) in str(pickle.dumps(component))
    assert pickle.loads(pickle.dumps(component)) == component


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("nowhere.py:Tiny", "nowhere.py cannot be read: No such file"),
        ("mine.py:tiny", "has no 'tiny'; did you mean 'Tiny'"),
        ("broken.py:Tiny", "broken.py cannot be loaded: SyntaxError"),
        ("mine.py:nn", "is no subclass of Generator"),
    ],
)
def test_what_cannot_be_loaded_is_named_with_the_reason(mine, tmp_path, use, message):
    (tmp_path / "broken.py").write_text("class Tiny(\n")
    with pytest.raises(PluginError, match=message):
        Registry().load("generator", located_reference(use, [tmp_path]))


def test_a_class_without_its_methods_is_refused_naming_them(tmp_path):
    text = MINE.partition("    def build")[0]
    (tmp_path / "half.py").write_text(text)
    with pytest.raises(PluginError, match=r"half\.py:Tiny is abstract: Tiny lacks build"):
        Registry().load("generator", located_reference("half.py:Tiny", [tmp_path]))


@given(st.text(max_size=30))
def test_any_text_is_a_reference_or_a_name(text):
    assert is_file_reference(text) or content_reference(text) == text
