"""One class per context is both the writer and the reader of its environment."""

import os
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Fields stay plain strings and integers: CDK writes them as tokens.

    The variable of a field is its name in upper case.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    def to_env(self) -> dict[str, str]:
        return {field.upper(): str(getattr(self, field)) for field in type(self).model_fields}

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the settings; a missing variable raises pydantic's ValidationError, which names it."""
        source = os.environ if environ is None else environ
        return cls.model_validate(
            {field: source[field.upper()] for field in cls.model_fields if field.upper() in source}
        )


class OutboxSettings(Settings):
    """What a context's `publish_news` needs."""

    bus_name: str
