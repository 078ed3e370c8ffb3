"""The URL of a database that keeps a study's trials, and what must not be seen of it."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

_USER = r"([^\s/@]*@)?"
_SERVER = r"([^\s/@:\[\]]*|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?"
PATTERN = rf"^postgresql(\+psycopg)?://{_USER}{_SERVER}/[^\s/?]+(\?\S*)?$"
_PASSWORD_IN_QUERY = r"(?i)[?&][a-z]*password="
SECRET_IN_QUERY = r"([?&](?i:[a-z_]*(?:password|secret|key|token)|sig)=)[^&\s]*"


def _check(url: object) -> object:
    """One message for all that can be wrong."""
    if (
        isinstance(url, str)
        and re.fullmatch(PATTERN, url)
        and not re.search(_PASSWORD_IN_QUERY, url)
    ):
        return url
    raise ValueError("should be a URL such as postgresql://user@host:5432/database")


DatabaseUrl = Annotated[Annotated[str, Field(pattern=PATTERN)], BeforeValidator(_check)]
"""`postgresql://user:password@host:port/database?option=value`, without what does not apply."""


def without_password(url: str) -> str:
    """The same database, by a URL that anybody may see."""
    return re.sub(r"^([a-z+]+://[^\s/:@]*):[^\s/@]*@", r"\1@", url)


def masked(text: str) -> str:
    """Text that may hold a URL, well formed or not, without what may be a password."""
    return re.sub(SECRET_IN_QUERY, r"\1***", re.sub(r"://\S*@", "://***@", text))
