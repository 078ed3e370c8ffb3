"""`gansearch schema`: the JSON schema of study files, for editors."""

from __future__ import annotations

from gansearch.cli.output import print_json
from gansearch.registry import Registry
from gansearch.study.json_schema import study_schema


def print_schema() -> None:
    """Print the JSON schema of study files, for editors."""
    print_json(study_schema(Registry()))
