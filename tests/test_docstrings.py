"""Examples in docstrings give what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

import gansearch

ROOT = Path(gansearch.__file__).parent
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in ROOT.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_in_docstrings_give_what_they_say(name):
    result = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    assert result.attempted > 0 and result.failed == 0


def test_the_contract_of_plugins_has_examples():
    documented = {"gansearch.components.schedule", "gansearch.domains", "gansearch.layers.maps"}
    assert documented <= {*WITH_EXAMPLES}
