from shelflife.kernel.errors import ConflictError, FieldFault, InvalidError, NotFoundError


class TokenNotFoundError(NotFoundError):
    def __init__(self, token_id: str) -> None:
        super().__init__(f"there is no token with id {token_id!r}")


class TokenExistsError(ConflictError):
    def __init__(self, token_id: str) -> None:
        super().__init__(f"a token with id {token_id!r} exists already")


class TokenLifetimeError(InvalidError):
    def __init__(self, days: float, longest_days: int) -> None:
        message = f"a token may live from 1 second to {longest_days} days, not {days:g} days"
        super().__init__(message, [FieldFault("expires_in_days", message)])
