"""Pictures of the report, as data URIs."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping
from typing import Any

from PIL import Image

from gansearch.errors import GansearchError
from gansearch.registry import Registry
from gansearch.storage.image_grid import SMALLEST_SIDE, image_grid, open_samples
from gansearch.storage.trained_generator import sample_format
from gansearch.storage.trial_folder import TrialFolder

ROWS = 4
"""Samples shown along each side."""
LARGEST_SIDE = 320
"""Pixels of a drawing of points."""


def samples_uri(files: TrialFolder) -> str | None:
    """Return the first samples of a trial's last picture, None where it has kept none.

    Raises:
        RunFolderError: if the picture, or the format of the samples, is damaged.
    """
    grids = files.sample_grids()
    if not grids:
        return None
    picture = open_samples(grids[-1])
    form = sample_format(files)
    if not form.is_image:
        picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
        return _uri(picture)
    _, height, width = form.shape
    factor = max(1, math.ceil(SMALLEST_SIDE / min(height, width)))
    shown = (ROWS * (width + 1) * factor, ROWS * (height + 1) * factor)
    picture = picture.crop((0, 0, min(shown[0], picture.width), min(shown[1], picture.height)))
    size = (picture.width // factor, picture.height // factor)
    return _uri(picture.resize(size, Image.Resampling.NEAREST))


def real_uri(dataset: Mapping[str, Any]) -> str | None:
    """Return real pictures, None where they cannot be loaded or are no pictures.

    Args:
        dataset: the dataset of a candidate, as JSON.
    """
    fields = dict(dataset)
    try:
        component: Any = Registry().load("dataset", fields.pop("use"))
        data = component.model_validate(fields).load()
    except (GansearchError, ValueError, OSError):
        return None
    if not data.is_image:
        return None
    grid = image_grid(data.test.samples[: ROWS * ROWS], columns=ROWS)
    _, height, width = data.shape
    size = (ROWS * (width + 1), math.ceil(min(ROWS**2, len(data.test.samples)) / ROWS))
    return _uri(grid.resize((size[0], size[1] * (height + 1)), Image.Resampling.NEAREST))


def _uri(picture: Image.Image) -> str:
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
