"""Base of the sections of a study file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator


class Section(BaseModel):
    """Frozen model that refuses unknown keys, infinity and NaN.

    The docstring under a field is its description in the study's JSON schema.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

    former_names: ClassVar[Mapping[str, str]] = {}
    """Keys by the name that they had in earlier versions, which is understood."""

    @model_validator(mode="before")
    @classmethod
    def _rename(cls, tree: object) -> Any:
        if not isinstance(tree, Mapping):
            return tree
        renamed = dict(tree)
        for former, name in cls.former_names.items():
            if former in renamed and name not in renamed:
                renamed[name] = renamed.pop(former)
        return renamed
