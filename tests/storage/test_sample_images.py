import numpy as np
import torch
from PIL import Image

from gansearch.components import Data, Split
from gansearch.storage.sample_images import save_samples


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
