"""Base of the mixins."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Mixin(BaseModel):
    """Fields and methods that components share, with their descriptions under the fields."""

    model_config = ConfigDict(use_attribute_docstrings=True)
