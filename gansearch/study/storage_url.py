"""The URL of a storage over which files are brought, and what must not stand in it."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

from gansearch.study.database_url import SECRET_IN_QUERY

PATTERN = r"^[a-z][a-z0-9+.-]*://\S+$"
_PASSWORD = r"://[^?]*:[^?]*@"


def _check(url: object) -> object:
    """One message for all that can be wrong."""
    if (
        isinstance(url, str)
        and re.fullmatch(PATTERN, url)
        and not re.search(f"{_PASSWORD}|{SECRET_IN_QUERY}", url)
    ):
        return url
    raise ValueError(
        "should be a URL such as s3://bucket/folder, without credentials, which the environment gives"
    )


StoragePath = Annotated[Annotated[str, Field(pattern=PATTERN)], BeforeValidator(_check)]
"""Whatever `pyarrow.fs.FileSystem.from_uri` takes: `s3://bucket/folder?region=eu-west-1`, `file:///folder`."""
