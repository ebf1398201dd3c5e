"""How the checks ask, and how they compare."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tritonclient.http as triton

from tests.clients.exchange import Array, Arrays, Case, Checks, Given, datatype_of, same

check = Checks()


class Bearer(triton.InferenceServerClientPlugin):  # type: ignore[misc]  # it is Any to us
    """Tells the token with every request, by the client's own way of adding headers."""

    def __init__(self, given: Given) -> None:
        self._headers = given.authorization

    def __call__(self, request: Any) -> None:
        request.headers.update(self._headers)


@contextmanager
def client(given: Given, concurrency: int = 1) -> Iterator[Any]:
    made = triton.InferenceServerClient(address(given), concurrency=concurrency)
    made.register_plugin(Bearer(given))
    with made:
        yield made


def address(given: Given) -> str:
    return given.api_url.removeprefix("http://")


def inputs_of(arrays: Arrays, in_json: Collection[str] = ()) -> list[Any]:
    """As binary tensors, but for those that are named."""
    return [tensor(name, array, binary=name not in in_json) for name, array in arrays.items()]


def tensor(name: str, array: Array, *, binary: bool = True) -> Any:
    made = triton.InferInput(name, list(array.shape), datatype_of(array))
    return made.set_data_from_numpy(array, binary_data=binary)


def outputs_of(names: Iterable[str], in_json: Collection[str] = ()) -> list[Any]:
    return [triton.InferRequestedOutput(name, binary_data=name not in in_json) for name in names]


def answers(result: Any, wanted: Arrays) -> None:
    """Assert that these are the outputs, with exactly these values."""
    assert [one["name"] for one in result.get_response()["outputs"]] == list(wanted)
    for name, array in wanted.items():
        assert result.get_output(name)["datatype"] == datatype_of(array)
        same(result.as_numpy(name), array)


def finite(case: Case) -> Arrays:
    """Its outputs as JSON can tell them: what is no number is none."""
    return {
        name: np.where(np.isinf(array), np.nan, array).astype(array.dtype)
        if array.dtype.kind == "f"
        else array
        for name, array in case.outputs.items()
    }


def refused(ask: Callable[[], object], status: str, *words: str) -> None:
    """Assert that the client raises its own exception, with the status and a message of these words."""
    error = _error_of(ask)
    message = error.message()
    assert error.status() == status, f"status {error.status()}, expected {status}: {message}"
    missing = [word for word in words if word not in message]
    assert not missing, f"{missing} not in {message!r}"


def _error_of(ask: Callable[[], object]) -> Any:
    try:
        answered = ask()
    except triton.InferenceServerException as error:
        return error
    message = f"not refused: {answered!r}"
    raise AssertionError(message)
