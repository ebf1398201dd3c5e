"""What a capture policy takes out of captured values before they leave the process.

A hashed value becomes 32 hexadecimal digits of BLAKE2b under the deployment's key. The same value of one
column is the same text in all captures of a deployment, so that rows can be joined and counted; another
column, or another deployment, has another. Whoever has the key can try all values of a column with few.
"""

import json
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

from shelflife.serving.model import CapturePolicy

_BYTES = 16


def masked(values: Mapping[str, list[Any]], policy: CapturePolicy) -> Mapping[str, list[Any]]:
    """The values by column, without those that the policy hides; a missing value stays missing."""
    if not policy.hidden and not policy.hashed:
        return values
    return {
        name: [*map(_hash(name, policy.key), of)] if name in policy.hashed else of
        for name, of in values.items()
        if name not in policy.hidden
    }


def _hash(name: str, key: str) -> Callable[[Any], str | None]:
    column = blake2b(f"{name}\0".encode(), digest_size=_BYTES, key=key.encode())

    def hashed(value: Any) -> str | None:
        if value is None:
            return None
        digest = column.copy()
        digest.update(_text(value).encode())
        return digest.hexdigest()

    return hashed


def _text(value: Any) -> str:
    """One text for one value: callers send whole numbers with and without a point."""
    return json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)
