"""URLs in a study file: database of its trials and storage of its files, without secrets."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

_USER = r"([^\s/@]*@)?"
_SERVER = r"([^\s/@:\[\]]*|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?"
DATABASE_PATTERN = rf"^postgresql(\+psycopg)?://{_USER}{_SERVER}/[^\s/?]+(\?\S*)?$"
_PASSWORD_IN_QUERY = r"(?i)[?&][a-z]*password="

STORAGE_PATTERN = r"^[a-z][a-z0-9+.-]*://\S+$"
_PASSWORD_OF_USER = r"://[^?]*:[^?]*@"
_SECRET_IN_QUERY = r"([?&](?i:[a-z_]*(?:password|secret|key|token)|sig)=)[^&\s]*"


def _check_database(url: object) -> object:
    if (
        isinstance(url, str)
        and re.fullmatch(DATABASE_PATTERN, url)
        and not re.search(_PASSWORD_IN_QUERY, url)
    ):
        return url
    raise ValueError("should be a URL such as postgresql://user@host:5432/database")


def _check_storage(url: object) -> object:
    if (
        isinstance(url, str)
        and re.fullmatch(STORAGE_PATTERN, url)
        and not re.search(f"{_PASSWORD_OF_USER}|{_SECRET_IN_QUERY}", url)
    ):
        return url
    raise ValueError(
        "should be a URL such as s3://bucket/folder, without credentials, "
        "which the environment gives"
    )


# The pattern stands in the JSON schema; the validator replaces pydantic's message about it.
DatabaseUrl = Annotated[
    Annotated[str, Field(pattern=DATABASE_PATTERN)], BeforeValidator(_check_database)
]
"""`postgresql://user:password@host:port/database?option=value`, where all but the name may miss."""

StorageUrl = Annotated[
    Annotated[str, Field(pattern=STORAGE_PATTERN)], BeforeValidator(_check_storage)
]
"""A URL for `pyarrow.fs.FileSystem.from_uri`, such as `s3://bucket/folder?region=eu-west-1`."""


def without_password(url: str) -> str:
    """Remove the password from the URL of a database.

    >>> without_password("postgresql://me:secret@host/studies")
    'postgresql://me@host/studies'
    """
    return re.sub(r"^([a-z+]+://[^\s/:@]*):[^\s/@]*@", r"\1@", url)


def masked(text: str) -> str:
    """Replace everything in a text that may be a user or a secret of a URL, well formed or not.

    >>> masked("got 's3://me:secret@bucket?token=abc'")
    "got 's3://***@bucket?token=***"
    """
    return re.sub(_SECRET_IN_QUERY, r"\1***", re.sub(r"://\S*@", "://***@", text))
