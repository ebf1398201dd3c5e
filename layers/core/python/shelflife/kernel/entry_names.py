"""Names of metrics, params and tags, as MLflow has them: they may become paths of files."""

import posixpath
import re

_LETTERS = re.compile(r"[\w/.\- :]*")


def entry_name(name: str) -> str:
    """The name, if it may be one.

    Raises:
        ValueError: it has other letters than those of MLflow, or could lead elsewhere as a path.
    """
    if not _LETTERS.fullmatch(name):
        msg = f"{name!r} may have letters, digits and _ - . : / and spaces only"
        raise ValueError(msg)
    plain = posixpath.normpath(name)
    if plain != name or plain == "." or plain.startswith(("..", "/")):
        msg = f"{name!r} may be used as a path, and this one would be {plain!r}"
        raise ValueError(msg)
    return name
