"""The shapes of links."""

from typing import Annotated

from pydantic import Field, SecretStr

Secret = Annotated[SecretStr, Field(min_length=1, max_length=100, description="What follows `#token=` in the link")]
