"""The script beside the studies that makes a folder of pictures."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

SCRIPT = Path(__file__).parents[1] / "studies" / "render_emoji.py"


@pytest.fixture(scope="module")
def script():
    spec = spec_from_file_location("render_emoji", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def render(script):
    app = typer.Typer()
    app.command()(script.main)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_every_emoji_of_one_code_point_is_rendered_once(script, render, tmp_path):
    if not script.DEBIAN.exists():
        pytest.skip("needs Debian's fonts-noto-color-emoji")
    assert "1432 pictures of 8x8" in render(tmp_path / "emoji", "--size", 8).output
    assert len(list(tmp_path.glob("emoji/*/*.png"))) == 1432
    assert len(list(tmp_path.glob("emoji/emoticons/*.png"))) == 80


@pytest.mark.parametrize("content", [None, b"no font"])
def test_without_the_font_one_is_told_where_to_get_it(render, tmp_path, content):
    font = tmp_path / "font.ttf"
    if content is not None:
        font.write_bytes(content)
    told = render(tmp_path / "emoji", "--font", font)
    assert told.exit_code == 1 and not (tmp_path / "emoji").exists()
    assert str(font) in told.output and "apt-get install fonts-noto-color-emoji" in told.output
