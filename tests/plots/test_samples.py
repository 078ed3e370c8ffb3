from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import pytest
from PIL import Image
from torch import nn

from gansearch.components import Data, Dataset, Generator, Split
from gansearch.errors import GansearchError
from gansearch.plots.samples import Walk, save_grid, save_walk, walk_latents
from gansearch.storage.trained_generator import TrainedGenerator


class Painter(Generator):
    """Paints an image all in the value of its first latent."""

    latent: int = 4

    def build(self, images):
        return nn.Sequential(First(), nn.Unflatten(1, (1, 1, 1)), nn.Upsample(images[1:]))


class Negative(Generator):
    """An autoencoder that turns light into dark."""

    feeds_on: ClassVar[Literal["latents", "samples"]] = "samples"
    latent: int = 4

    def build(self, images):
        return Minus()


class First(nn.Module):
    def forward(self, latents):
        return latents[:, :1]


class Minus(nn.Module):
    def forward(self, samples):
        return -samples


@pytest.fixture
def trained(make_space):
    """A generator that has come back, over images of 48x48, white ones held out."""
    white = Split(np.full((5, 1, 48, 48), 255, dtype=np.uint8))
    data = Data(white, white, "white", "0" * 64)

    def make(generator=Painter, data=data):
        class Given(Dataset):
            """Data that are there already."""

            def load(self):
                return data

        baseline = make_space().baseline
        candidate = replace(baseline, generator=generator(), dataset=Given())
        return TrainedGenerator(candidate, data.format, generator().build(data.shape))

    return make


def points(trained):
    ring = Split(np.float32([[1, 0], [0, 1], [-1, 0]]).reshape(3, 2, 1, 1))
    return trained(data=Data(ring, ring, "ring", "0" * 64))


def pixels(path):
    with Image.open(path) as picture:
        return np.array(picture)


def test_a_grid_has_as_many_samples_as_asked_for(trained, tmp_path):
    save_grid(trained(), tmp_path / "grid.png", seed=0, count=6)
    assert pixels(tmp_path / "grid.png").shape == (2 * 49, 3 * 49)


def test_an_autoencoders_grid_shows_each_held_out_sample_left_of_its_reconstruction(
    trained, tmp_path
):
    save_grid(trained(Negative), tmp_path / "grid.png", seed=0, count=2)
    drawn = pixels(tmp_path / "grid.png")
    assert drawn[20, [20, 69]].tolist() == drawn[69, [20, 69]].tolist() == [255, 0]


def test_a_walk_moves_one_dimension_and_leaves_the_others():
    start = np.array([0.1, 0.2, 0.3])
    assert walk_latents(start, [2, 0], [-1.0, 1.0]).tolist() == [
        [pytest.approx([0.1, 0.2, -1.0]), pytest.approx([0.1, 0.2, 1.0])],
        [pytest.approx([-1.0, 0.2, 0.3]), pytest.approx([1.0, 0.2, 0.3])],
    ]


def test_a_walk_is_drawn_with_a_row_a_dimension_from_minus_to_plus_the_span(trained, tmp_path):
    walk = Walk.along(trained(), seed=0, frames=3, dimensions=[0, 3], span=1.0)
    save_walk(trained(), tmp_path / "walk.png", walk)
    drawn = pixels(tmp_path / "walk.png")
    first, other = drawn[-2 * 49 + 20, [-127, -78, -29]], drawn[-49 + 20, [-127, -78, -29]]
    assert first.tolist() == [0, 128, 255]
    assert len(set(other.tolist())) == 1


def test_an_animated_walk_along_dimensions_goes_there_and_back(trained, tmp_path):
    walk = Walk.along(trained(), seed=0, frames=4, dimensions=[0], span=1.0)
    save_walk(trained(), tmp_path / "walk.gif", walk)
    with Image.open(tmp_path / "walk.gif") as gif:
        assert gif.n_frames == 4 + 2


def test_a_walk_of_points_is_drawn_as_a_path(trained, tmp_path):
    class Plane(Painter):
        def build(self, images):
            return nn.Sequential(nn.Linear(4, 2), nn.Unflatten(1, (2, 1, 1)))

    plane = trained(Plane, points(trained).data)
    walk = Walk.along(plane, seed=0, frames=5, dimensions=[1], span=3.0)
    save_walk(plane, tmp_path / "walk.png", walk)
    assert pixels(tmp_path / "walk.png").shape[:2] == (480, 480)


def test_a_dimension_that_the_latent_has_not_got_is_refused(trained):
    with pytest.raises(GansearchError, match="the latent has dimensions 0 to 3, got 4, 75"):
        Walk.along(trained(), seed=0, frames=5, dimensions=[4, 0, 75], span=3.0)


def test_an_autoencoder_has_no_latents_to_walk_through(trained):
    with pytest.raises(GansearchError, match="no latents to walk through"):
        Walk.along(trained(Negative), seed=0, frames=5, dimensions=[0], span=3.0)


def test_a_walk_of_points_is_not_animated(trained, tmp_path):
    walk = Walk.along(trained(), seed=0, frames=5, dimensions=[0], span=3.0)
    with pytest.raises(GansearchError, match=r"write it to a \.png"):
        save_walk(points(trained), tmp_path / "walk.gif", walk)
