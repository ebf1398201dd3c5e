"""The base of every entity, value, contract and body."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Frozen, and strict about names: an unknown field is an error, never dropped."""

    # `model_name` is a word of the field; Pydantic would keep the prefix for itself.
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
