"""How much is stored somewhere."""

from typing import NamedTuple


class Extent(NamedTuple):
    """Versions of files, and their bytes together."""

    files: int = 0
    bytes: int = 0

    def plus(self, other: "Extent") -> "Extent":
        return Extent(self.files + other.files, self.bytes + other.bytes)
