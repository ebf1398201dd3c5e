"""How requests and answers travel: compressed, named, with parameters, several at once."""

import asyncio
import gzip
import urllib.request
import zlib

import tritonclient.http as triton
import tritonclient.http.aio as triton_aio

from tests.clients.exchange import Given
from tests.clients.triton.calls import Bearer, address, answers, check, client, inputs_of, outputs_of


@check
def compressed_requests(given: Given) -> None:
    case = given.cases["mlp"]
    with client(given) as one:
        for coding in ("gzip", "deflate"):
            for in_json in ((), tuple(case.inputs)):
                result = one.infer(
                    case.deployment, inputs_of(case.inputs, in_json), request_compression_algorithm=coding
                )
                answers(result, case.outputs)


@check
def compressed_answers(given: Given) -> None:
    case = given.cases["mlp"]
    with client(given) as one:
        for coding in ("gzip", "deflate"):
            for in_json in ((), tuple(case.outputs)):
                result = one.infer(
                    case.deployment,
                    inputs_of(case.inputs),
                    outputs=outputs_of(case.outputs, in_json),
                    request_compression_algorithm=coding,
                    response_compression_algorithm=coding,
                )
                answers(result, case.outputs)


@check
def bodies_over_another_transport(given: Given) -> None:
    """The client's bodies, carried by something else, which sees that answers really are compressed."""
    case = given.cases["mlp"]
    body, length = triton.InferenceServerClient.generate_request_body(inputs_of(case.inputs))
    for coding, fold in (("gzip", gzip.compress), ("deflate", zlib.compress)):
        headers = given.authorization | {
            "Inference-Header-Content-Length": str(length),
            "Content-Encoding": coding,
            "Accept-Encoding": coding,
        }
        url = f"{given.api_url}/v2/models/{case.deployment}/infer"
        asked = urllib.request.Request(url, fold(body), headers)  # noqa: S310 - the test's own address
        with urllib.request.urlopen(asked, timeout=30) as told:  # noqa: S310 - as above
            assert told.headers["Content-Encoding"] == coding
            content, header_length = told.read(), told.headers["Inference-Header-Content-Length"]
        result = triton.InferenceServerClient.parse_response_body(
            content, header_length=int(header_length), content_encoding=coding
        )
        answers(result, case.outputs)


@check
def request_id(given: Given) -> None:
    case = given.cases["features"]
    with client(given) as one:
        named = one.infer(case.deployment, inputs_of(case.inputs), request_id="order 66/ä")
        unnamed = one.infer(case.deployment, inputs_of(case.inputs))
    assert named.get_response()["id"] == "order 66/ä"
    assert unnamed.get_response()["id"]


@check
def parameters(given: Given) -> None:
    """What the server knows nothing of changes nothing."""
    case = given.cases["features"]
    with client(given) as one:
        result = one.infer(
            case.deployment,
            inputs_of(case.inputs),
            priority=3,
            timeout=1_000_000,
            sequence_id=7,
            sequence_start=True,
            parameters={"team": "rides", "attempt": 2},
        )
    answers(result, case.outputs)


@check
def headers_and_query(given: Given) -> None:
    """A header names the variant, and a query string is let be."""
    case = given.cases["features"]
    with client(given) as one:
        result = one.infer(
            case.deployment,
            inputs_of(case.inputs),
            headers={"x-shelflife-variant": "v1", "x-shelflife-key": "rider 5"},
            query_params={"from": "a test", "tags": ["a", "b"]},
        )
    answers(result, case.outputs)
    assert result.get_response()["model_version"] == "1"


@check
def model_version(given: Given) -> None:
    """Both versions that the deployment has served answer, each with its own values."""
    first, second = given.cases["before"], given.cases["after"]
    assert first.deployment == second.deployment
    with client(given) as one:
        for version, case in (("1", first), ("2", second)):
            result = one.infer(case.deployment, inputs_of(case.inputs), model_version=version)
            answers(result, case.outputs)
            assert result.get_response()["model_version"] == version
        assert one.infer(first.deployment, inputs_of(first.inputs)).get_response()["model_version"] == "2"
        assert set(one.get_model_metadata(first.deployment)["versions"]) == {"1", "2"}


@check
def async_infer(given: Given) -> None:
    """Several under way at once over the client's own pool of connections."""
    cases = [given.cases[name] for name in ("mlp", "images", "features", "texts")] * 3
    with client(given, concurrency=3) as one:
        asked = [one.async_infer(case.deployment, inputs_of(case.inputs)) for case in cases]
        for case, under_way in zip(cases, asked, strict=True):
            answers(under_way.get_result(), case.outputs)


@check
def asyncio_client(given: Given) -> None:
    """tritonclient.http.aio, which is another client over aiohttp."""
    case = given.cases["mlp"]

    async def ask() -> None:
        async with triton_aio.InferenceServerClient(address(given)) as one:
            one.register_plugin(Bearer(given))
            assert await one.is_server_live()
            assert await one.is_model_ready(case.deployment)
            for coding in (None, "gzip", "deflate"):
                result = await one.infer(
                    case.deployment,
                    inputs_of(case.inputs),
                    request_compression_algorithm=coding,
                    response_compression_algorithm=coding,
                )
                answers(result, case.outputs)

    asyncio.run(ask())
