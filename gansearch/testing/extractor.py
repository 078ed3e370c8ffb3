"""Tests of an extractor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from gansearch.components import Extractor, ImageShape
from gansearch.evaluation.extractors import LoadedExtractor
from gansearch.testing.component import ComponentContract


class ExtractorContract(ComponentContract):
    """Tests of an extractor."""

    shapes: ClassVar[Sequence[ImageShape]] = (ImageShape(3, 32, 32), ImageShape(3, 40, 24))
    """Shapes of images that the extractor takes."""

    def images(self, shape: ImageShape) -> Tensor:
        """Make six different images of noise."""
        levels = np.random.default_rng(0).integers(0, 256, (6, *shape), dtype=np.uint8)
        return torch.from_numpy(levels)

    def loaded(self, component: Extractor) -> Iterator[tuple[ImageShape, LoadedExtractor]]:
        for shape in self.shapes:
            yield shape, LoadedExtractor(component.load(shape))

    def test_gives_as_many_finite_features_for_every_image(self, component: Extractor) -> None:
        for shape, extractor in self.loaded(component):
            features = extractor.features(self.images(shape))
            assert features.ndim == 2 and len(features) == 6
            assert features.dtype == torch.float32
            assert features.isfinite().all()

    def test_different_images_have_different_features(self, component: Extractor) -> None:
        for shape, extractor in self.loaded(component):
            assert torch.pdist(extractor.features(self.images(shape))).min() > 0

    def test_features_do_not_depend_on_the_other_images(self, component: Extractor) -> None:
        for shape, extractor in self.loaded(component):
            images = self.images(shape)
            alone = torch.cat([extractor.features(images[i : i + 1]) for i in range(len(images))])
            together = extractor.features(images)
            apart = (together - alone).abs().max()
            assert apart <= 1e-3 * together.abs().max(), f"features differ by {apart:g}"

    def test_is_loaded_with_the_same_name_and_digest_again(self, component: Extractor) -> None:
        for shape in self.shapes:
            one, again = component.load(shape), component.load(shape)
            assert (one.name, one.digest) == (again.name, again.digest)
            assert one.name
            assert len(one.digest) == 64 and {*one.digest} <= {*"0123456789abcdef"}

    def test_its_location_names_fields_of_its_own(self, component: Extractor) -> None:
        assert component.location <= {*type(component).model_fields}
