import pytest
from PIL import Image

from gansearch.errors import RunFolderError
from gansearch.plots.animation import LAST, MOST_FRAMES, STRIP, save_evolution


def grids(folder, count, mode="L", size=(40, 40)):
    paths = [folder / f"step-{100 * (i + 1):06d}.png" for i in range(count)]
    for i, path in enumerate(paths):
        Image.new(mode, size, (i * 2,) * len(mode) if mode == "RGB" else i * 2).save(path)
    return paths


def durations(path):
    with Image.open(path) as gif:
        times = []
        for i in range(gif.n_frames):
            gif.seek(i)
            times.append(gif.info["duration"])
        return times


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_each_kept_picture_is_a_frame_and_the_last_one_is_held(tmp_path, mode):
    save_evolution(grids(tmp_path, 5, mode), tmp_path / "evolution.gif")
    assert durations(tmp_path / "evolution.gif") == [600] * 4 + [LAST]


def test_frames_stand_under_their_step_and_grey_levels_are_kept(tmp_path):
    save_evolution(grids(tmp_path, 3), tmp_path / "evolution.gif")
    with Image.open(tmp_path / "evolution.gif") as gif:
        gif.seek(2)
        frame = gif.convert("L")
    assert frame.size == (280, 280 + STRIP), "40 pixels, each repeated seven times"
    assert frame.getpixel((140, STRIP + 140)) == 4
    assert frame.crop((0, 0, 280, STRIP)).getextrema() == (0, 255)


def test_large_pictures_are_scaled_down(tmp_path):
    save_evolution(grids(tmp_path, 2, "RGB", (1600, 800)), tmp_path / "evolution.gif")
    with Image.open(tmp_path / "evolution.gif") as gif:
        assert gif.size == (640, 320 + STRIP)


def test_of_very_many_pictures_some_are_left_out_evenly(tmp_path):
    save_evolution(grids(tmp_path, 100), tmp_path / "evolution.gif")
    assert len(durations(tmp_path / "evolution.gif")) == MOST_FRAMES


def test_a_trial_without_pictures_is_refused(tmp_path):
    with pytest.raises(RunFolderError, match="kept no pictures of its samples"):
        save_evolution([], tmp_path / "evolution.gif")
