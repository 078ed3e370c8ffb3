import numpy as np
import torch

from gansearch.storage.image_grid import beside, image_grid


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
