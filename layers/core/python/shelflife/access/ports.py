from typing import Protocol

from shelflife.access.model import Token
from shelflife.kernel.paging import Page


class Tokens(Protocol):
    def add(self, token: Token) -> None:
        """Keep a new token.

        Raises:
            TokenExistsError: its id is taken.
        """

    def find(self, token_id: str) -> Token | None: ...

    def remove(self, token_id: str) -> None:
        """Forget the token.

        Raises:
            TokenNotFoundError: there is none.
        """

    def page(self, limit: int, cursor: str | None) -> Page[Token]:
        """All tokens, oldest first; a token shows up within a second of its creation."""


class Secrets(Protocol):
    """Encrypted parameters."""

    def put(self, name: str, value: str) -> None:
        """Write the value, over any older one."""

    def remove(self, name: str) -> None:
        """Forget the value; nothing happens if there is none."""
