"""Contract of the components: one base class for each role that a plugin can fill.

A component is a frozen, validated pydantic model. `Field` bounds state which values may exist; a
domain in the annotation states which ones `search: true` tries; the docstring under a field is its
description in the study's JSON schema. Tensors are `NCHW`: N samples, C channels, H rows and W
columns; a point in the plane is a sample of shape (2, 1, 1).
"""

from __future__ import annotations

from collections.abc import Mapping

from gansearch.components.component import Component, check_domain, check_field, is_whole
from gansearch.components.data import Data, Dataset, ImageShape, SampleFormat, Split
from gansearch.components.detector import Detector, Watch
from gansearch.components.distillation import Distillation, DistillationTerm
from gansearch.components.extractor import Extractor, FeatureNetwork
from gansearch.components.loss import Loss, LossInputs, PairLoss
from gansearch.components.metric import CostMetric, Evidence, Metric, SampleMetric, SizeMetric
from gansearch.components.network import Discriminator, Generator, Network
from gansearch.components.schedule import Phase, Player, Schedule

__all__ = [
    "API_VERSION",
    "ROLES",
    "Component",
    "CostMetric",
    "Data",
    "Dataset",
    "Detector",
    "Discriminator",
    "Distillation",
    "DistillationTerm",
    "Evidence",
    "Extractor",
    "FeatureNetwork",
    "Generator",
    "ImageShape",
    "Loss",
    "LossInputs",
    "Metric",
    "Network",
    "PairLoss",
    "Phase",
    "Player",
    "SampleFormat",
    "SampleMetric",
    "Schedule",
    "SizeMetric",
    "Split",
    "Watch",
    "check_domain",
    "check_field",
    "is_whole",
]

API_VERSION = 1
"""Version of this contract; raised when plugins written for it would no longer work."""

ROLES: Mapping[str, type[Component]] = {
    role.role: role
    for role in (Generator, Discriminator, Loss, Schedule, Dataset, Metric, Detector, Extractor)
}
