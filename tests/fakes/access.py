from shelflife.access.errors import TokenExistsError, TokenNotFoundError
from shelflife.access.model import Token
from shelflife.kernel.paging import Page, decode_cursor, encode_cursor


class MemoryTokens:
    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    def add(self, token: Token) -> None:
        if token.token_id in self._tokens:
            raise TokenExistsError(token.token_id)
        self._tokens[token.token_id] = token

    def find(self, token_id: str) -> Token | None:
        return self._tokens.get(token_id)

    def remove(self, token_id: str) -> None:
        if self._tokens.pop(token_id, None) is None:
            raise TokenNotFoundError(token_id)

    def page(self, limit: int, cursor: str | None) -> Page[Token]:
        after = (decode_cursor(cursor) or {}).get("after", "")
        left = [self._tokens[key] for key in sorted(self._tokens) if key > after]
        more = encode_cursor({"after": left[limit - 1].token_id}) if len(left) > limit else None
        return Page(items=tuple(left[:limit]), next_cursor=more)


class MemorySecrets:
    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def put(self, name: str, value: str) -> None:
        self.values[name] = value

    def remove(self, name: str) -> None:
        self.values.pop(name, None)
