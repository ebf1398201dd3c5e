"""DynamoDB's typed values as plain ones, and back.

boto3 has the same, with Decimals, behind an import of a hundred milliseconds.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
"""

from collections.abc import Callable, Mapping
from typing import Any

#: More would be rounded by DynamoDB.
_DIGITS = 38
_SMALLEST, _TOO_LARGE = 1e-130, 1e126


class UnstorableValueError(TypeError):
    """A fault of ours: nothing that callers send comes here unchecked."""

    def __init__(self, value: object) -> None:
        super().__init__(f"DynamoDB cannot hold {value!r} ({type(value).__name__})")


def typed(value: Any) -> dict[str, Any]:
    """A JSON-like value in DynamoDB's form.

    Raises:
        UnstorableValueError: DynamoDB has no form for it.
    """
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        # Members of a StrEnum are told as what they say.
        return {"S": str(value)}
    if isinstance(value, int | float):
        return {"N": _told(value)}
    if isinstance(value, bytes | bytearray):
        return {"B": bytes(value)}
    return _typed_container(value)


def _typed_container(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return {"M": {key: typed(inner) for key, inner in value.items()}}
    if isinstance(value, list | tuple):
        return {"L": [typed(inner) for inner in value]}
    raise UnstorableValueError(value)


def plain(attribute: Mapping[str, Any]) -> Any:
    """The value; a number is an int where it is whole (DynamoDB drops trailing zeros), else a float."""
    ((kind, value),) = attribute.items()
    return _READ[kind](value)


def _told(number: float) -> str:
    text = repr(number)
    fits = number == 0 or _SMALLEST <= abs(number) < _TOO_LARGE
    if not fits or sum(map(str.isdigit, text.partition("e")[0])) > _DIGITS:
        raise UnstorableValueError(number)
    return text


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        number = float(text)
        return int(number) if number.is_integer() else number


_READ: dict[str, Callable[[Any], Any]] = {
    "S": str,
    "N": _number,
    "BOOL": bool,
    "NULL": lambda _: None,
    "B": bytes,
    "L": lambda values: [plain(value) for value in values],
    "M": lambda fields: {name: plain(value) for name, value in fields.items()},
    "SS": set,
    "NS": lambda numbers: set(map(_number, numbers)),
    "BS": set,
}
