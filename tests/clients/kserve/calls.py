"""How the checks ask, and how they compare."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from functools import wraps
from typing import Any

import httpx
import kserve
import numpy as np
from kserve.protocol.infer_type import RequestedOutput

from tests.clients.exchange import Array, Arrays, Case, Checks, Given, datatype_of, same

check = Checks()


class Asking:
    """The client, with the address and the token that every call of it takes."""

    def __init__(self, given: Given, client: Any) -> None:
        self.given = given
        self.client = client

    async def infer(self, case: Case, inputs: Any, **more: Any) -> Any:
        return await self.request(case.deployment, kserve.InferRequest(case.deployment, inputs, **more))

    async def request(
        self, deployment: str, request: Any, response_headers: dict[str, str] | None = None
    ) -> Any:
        return await self.client.infer(
            self.given.api_url,
            request,
            model_name=deployment,
            headers=dict(self.given.authorization),
            response_headers=response_headers,
        )

    async def told(self, question: str, *arguments: str) -> Any:
        ask = getattr(self.client, question)
        return await ask(self.given.api_url, *arguments, headers=self.given.authorization)


def asking(body: Callable[[Asking, Given], Awaitable[None]]) -> Callable[[Given], None]:
    """A check over a client of its own."""

    @check
    @wraps(body)
    def run(given: Given) -> None:
        async def whole() -> None:
            config = kserve.RESTConfig(protocol="v2", timeout=60)
            async with kserve.InferenceRESTClient(config) as client:
                await body(Asking(given, client), given)

        asyncio.run(whole())

    return run


def inputs_of(arrays: Arrays, in_json: Collection[str] = ()) -> list[Any]:
    """As binary tensors, but for those that are named."""
    return [tensor(name, array, binary=name not in in_json) for name, array in arrays.items()]


def tensor(name: str, array: Array, *, binary: bool = True) -> Any:
    made = kserve.InferInput(name, list(array.shape), datatype_of(array))
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def outputs_of(names: Iterable[str], *, binary: bool) -> list[Any]:
    return [RequestedOutput(name, {"binary_data": binary}) for name in names]


def answers(response: Any, wanted: Arrays) -> None:
    """Assert that these are the outputs, with exactly these values."""
    assert [output.name for output in response.outputs] == list(wanted)
    for output in response.outputs:
        assert output.datatype == datatype_of(wanted[output.name])
        same(output.as_numpy(), wanted[output.name])


def plain(arrays: Arrays) -> Arrays:
    """Those that the client sends and takes as JSON: it refuses FP16."""
    return {name: array for name, array in arrays.items() if array.dtype != np.float16}


def finite(arrays: Arrays) -> Arrays:
    """As JSON can tell them: what is no number is none."""
    return {
        name: np.where(np.isinf(array), np.nan, array).astype(array.dtype)
        if array.dtype.kind == "f"
        else array
        for name, array in arrays.items()
    }


async def refused(ask: Awaitable[object], status: int, *words: str) -> None:
    """Assert that the client raises for the status, with a message of these words."""
    error = await _error_of(ask)
    assert error.response.status_code == status, f"{error}, expected {status}"
    missing = [word for word in words if word not in str(error)]
    assert not missing, f"{missing} not in {error}"


async def _error_of(ask: Awaitable[object]) -> httpx.HTTPStatusError:
    try:
        answered = await ask
    except httpx.HTTPStatusError as error:
        return error
    message = f"not refused: {answered!r}"
    raise AssertionError(message)
