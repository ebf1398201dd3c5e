"""What kserve's REST client is answered."""

import asyncio

import kserve
import numpy as np

from tests.clients.exchange import Given
from tests.clients.kserve.calls import (
    Asking,
    answers,
    asking,
    finite,
    inputs_of,
    outputs_of,
    plain,
    refused,
    tensor,
)


@asking
async def server_live(ask: Asking, given: Given) -> None:
    assert await ask.told("is_server_live") is True


@asking
async def server_ready(ask: Asking, given: Given) -> None:
    assert await ask.told("is_server_ready") is True


@asking
async def model_ready(ask: Asking, given: Given) -> None:
    for case in given.cases.values():
        assert await ask.told("is_model_ready", case.deployment) is True
    assert await ask.told("is_model_ready", "nobody-made-it") is False


@asking
async def infer_json(ask: Asking, given: Given) -> None:
    """FP16 goes as binary beside: the client knows no other way."""
    case = given.cases["numbers"]
    names = list(plain(case.outputs))
    response = await ask.infer(
        case,
        inputs_of(case.inputs, in_json=list(plain(case.inputs))),
        request_outputs=outputs_of(names, binary=False),
    )
    answers(response, finite(plain(case.outputs)))


@asking
async def infer_binary(ask: Asking, given: Given) -> None:
    case = given.cases["numbers"]
    response = await ask.infer(case, inputs_of(case.inputs), parameters={"binary_data_output": True})
    answers(response, case.outputs)


@asking
async def infer_mixed(ask: Asking, given: Given) -> None:
    """Every second input is JSON, and half of the outputs."""
    case = given.cases["numbers"]
    in_json = list(plain(case.inputs))[::2]
    first, second = list(case.outputs)[:10], [name for name in list(case.outputs)[10:] if name != "fp16_same"]
    wanted = {
        **{name: case.outputs[name] for name in first},
        **finite({name: case.outputs[name] for name in second}),
    }
    response = await ask.infer(
        case,
        inputs_of(case.inputs, in_json),
        request_outputs=[*outputs_of(first, binary=True), *outputs_of(second, binary=False)],
    )
    answers(response, wanted)


@asking
async def infer_plain_dictionary(ask: Asking, given: Given) -> None:
    """A request that is a dictionary, as it stands in the protocol's own examples."""
    case = given.cases["features"]
    inputs = [
        {"name": name, "shape": list(array.shape), "datatype": "FP32", "data": array.tolist()}
        for name, array in case.inputs.items()
    ]
    answers(await ask.request(case.deployment, {"inputs": inputs}), case.outputs)


@asking
async def bytes_in_json(ask: Asking, given: Given) -> None:
    case = given.cases["texts"]
    answers(await ask.infer(case, inputs_of(case.inputs, in_json=list(case.inputs))), case.outputs)


@asking
async def bytes_in_binary(ask: Asking, given: Given) -> None:
    case = given.cases["texts"]
    response = await ask.infer(case, inputs_of(case.inputs), parameters={"binary_data_output": True})
    answers(response, case.outputs)


@asking
async def matrix_model(ask: Asking, given: Given) -> None:
    case = given.cases["mlp"]
    for in_json in ((), ("x",)):
        answers(await ask.infer(case, inputs_of(case.inputs, in_json)), case.outputs)


@asking
async def rank_three(ask: Asking, given: Given) -> None:
    case = given.cases["images"]
    for in_json in ((), ("pixels",)):
        answers(await ask.infer(case, inputs_of(case.inputs, in_json)), case.outputs)


@asking
async def classifier_outputs(ask: Asking, given: Given) -> None:
    case = given.cases["classifier"]
    for binary in (True, False):
        more = {"parameters": {"binary_data_output": binary}}
        answers(await ask.infer(case, inputs_of(case.inputs), **more), case.outputs)


@asking
async def request_id(ask: Asking, given: Given) -> None:
    case = given.cases["features"]
    response = await ask.infer(case, inputs_of(case.inputs), request_id="order-66")
    # The client drops the model's version of a REST answer.
    assert (response.id, response.model_name) == ("order-66", case.deployment)


@asking
async def response_headers(ask: Asking, given: Given) -> None:
    """They name what answered; an answer that is worth it is compressed, as the client says it takes."""
    case = given.cases["mlp"]
    headers: dict[str, str] = {}
    request = kserve.InferRequest(case.deployment, inputs_of(case.inputs, in_json=("x",)))
    answers(await ask.request(case.deployment, request, headers), case.outputs)
    assert (headers["x-shelflife-model-version"], headers["x-shelflife-revision"]) == ("1", "1")
    assert headers["content-encoding"] in {"gzip", "deflate"}


@asking
async def concurrent_requests(ask: Asking, given: Given) -> None:
    cases = [given.cases[name] for name in ("mlp", "features", "texts")]
    for _ in range(3):
        responses = await asyncio.gather(*(ask.infer(case, inputs_of(case.inputs)) for case in cases))
        for case, response in zip(cases, responses, strict=True):
            answers(response, case.outputs)


@asking
async def unknown_model(ask: Asking, given: Given) -> None:
    request = kserve.InferRequest("nobody-made-it", inputs_of(given.cases["mlp"].inputs))
    await refused(ask.request("nobody-made-it", request), 404, "nobody-made-it")


@asking
async def wrong_shape(ask: Asking, given: Given) -> None:
    case = given.cases["images"]
    flat = {"pixels": case.inputs["pixels"].reshape(-1, 12)}
    await refused(ask.infer(case, inputs_of(flat)), 400, "pixels", "shape")


@asking
async def wrong_datatype(ask: Asking, given: Given) -> None:
    case = given.cases["mlp"]
    words = np.full((1, 64), b"one", dtype=object)
    for binary in (True, False):
        await refused(ask.infer(case, [tensor("x", words, binary=binary)]), 400, "'x'", "BYTES")


@asking
async def missing_input(ask: Asking, given: Given) -> None:
    case = given.cases["features"]
    some = {name: array for name, array in case.inputs.items() if name != "hour"}
    await refused(ask.infer(case, inputs_of(some)), 400, "hour", "missing")
