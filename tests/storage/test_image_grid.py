import zlib

import numpy as np
import pytest
import torch

from gansearch.errors import RunFolderError
from gansearch.storage.image_grid import beside, image_grid, open_samples, save_image


@pytest.fixture
def picture(tmp_path):
    save_image(image_grid(torch.zeros(4, 1, 48, 48, dtype=torch.uint8)), tmp_path / "x.png")
    return tmp_path / "x.png"


@pytest.mark.parametrize("place", [1, 30, 45, 60, 95, -5])
def test_a_flipped_bit_of_a_picture_is_damage_or_harmless(picture, place):
    sound, content = np.array(open_samples(picture)), bytearray(picture.read_bytes())
    content[place % len(content)] ^= 4
    picture.write_bytes(content)
    try:
        assert np.array_equal(np.array(open_samples(picture)), sound)
    except RunFolderError as error:
        assert "x.png is damaged" in str(error)


def test_a_picture_that_would_fill_memory_is_refused(picture):
    content = bytearray(picture.read_bytes())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    picture.write_bytes(content)
    with pytest.raises(RunFolderError, match="exceeds limit"):
        open_samples(picture)


def test_images_make_a_square_with_a_line_between_them_and_are_enlarged():
    grid = np.array(image_grid(torch.full((4, 1, 24, 24), 200, dtype=torch.uint8)))
    assert grid.shape == (2 * 25 * 2, 2 * 25 * 2)
    assert (grid[0, 0], grid[48, 0], grid[50, 50]) == (200, 0, 200)


def test_a_grid_has_the_columns_that_it_is_given():
    assert image_grid(torch.zeros(6, 3, 48, 48, dtype=torch.uint8), columns=2).size == (
        2 * 49,
        3 * 49,
    )


def test_outputs_stand_to_the_right_of_their_inputs():
    inputs, outputs = torch.arange(2).view(2, 1, 1, 1), torch.arange(10, 12).view(2, 1, 1, 1)
    assert beside(inputs, outputs).flatten().tolist() == [0, 10, 1, 11]
