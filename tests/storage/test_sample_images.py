import numpy as np
import torch
from PIL import Image

from gansearch.components import Data, Split
from gansearch.storage.sample_images import beside, image_grid, save_samples


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


def test_points_are_drawn_in_a_frame_that_does_not_move(tmp_path):
    ring = np.float32([[1, 0], [0, 1], [-1, 0], [0, -1]]).reshape(4, 2, 1, 1)
    data = Data(Split(ring), Split(ring), "ring", "0" * 64)
    save_samples(torch.from_numpy(ring[:1]), data, tmp_path / "near.png")
    save_samples(
        torch.cat([torch.from_numpy(ring[:1]), torch.full((1, 2, 1, 1), 900.0)]),
        data,
        tmp_path / "far.png",
    )
    near, far = (Image.open(tmp_path / name).tobytes() for name in ("near.png", "far.png"))
    assert near == far
