"""What two requests have in common that get the same answer, however they were sent."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shelflife.serving.tensors import Array, Feed

_TEXT = "O"


def key_of(model_digest: str, feed: "Feed", names: Iterable[str]) -> str:
    """The key of a model's answer: of its file, and of what it is fed, by names in the signature's order.

    Which outputs were asked for does not matter: all of them are answered, and some are told.
    """
    digest = blake2b(digest_size=32)
    for name in names:
        array = feed[name]
        parts = _texts(array) if array.dtype.kind == _TEXT else [array.tobytes()]
        # Sizes go first, so that no two different inputs make the same bytes.
        digest.update(repr((name, array.dtype.str, array.shape, [len(part) for part in parts])).encode())
        for part in parts:
            digest.update(part)
    return f"{model_digest}#{digest.hexdigest()}"


def _texts(array: "Array") -> list[bytes]:
    return [
        value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")
        for value in array.ravel().tolist()
    ]
