"""What is refused, as the client's own exception with status and reason."""

from functools import partial

import numpy as np
import tritonclient.http as triton

from tests.clients.exchange import Given
from tests.clients.triton.calls import address, answers, check, client, inputs_of, outputs_of, refused, tensor


@check
def unknown_model(given: Given) -> None:
    inputs = inputs_of(given.cases["mlp"].inputs)
    with client(given) as one:
        refused(lambda: one.infer("nobody-made-it", inputs), "404", "nobody-made-it")
        refused(lambda: one.get_model_metadata("nobody-made-it"), "404", "nobody-made-it")


@check
def unknown_version(given: Given) -> None:
    case = given.cases["mlp"]
    with client(given) as one:
        for version in ("999", "latest"):
            ask = partial(one.infer, case.deployment, inputs_of(case.inputs), model_version=version)
            refused(ask, "404", version)


@check
def wrong_name(given: Given) -> None:
    case = given.cases["features"]
    renamed = {("tmep" if name == "temp" else name): array for name, array in case.inputs.items()}
    with client(given) as one:
        refused(lambda: one.infer(case.deployment, inputs_of(renamed)), "400", "tmep")


@check
def missing_input(given: Given) -> None:
    case = given.cases["features"]
    some = {name: array for name, array in case.inputs.items() if name != "hour"}
    with client(given) as one:
        refused(lambda: one.infer(case.deployment, inputs_of(some)), "400", "hour", "missing")


@check
def wrong_shape(given: Given) -> None:
    case = given.cases["images"]
    flat = {"pixels": case.inputs["pixels"].reshape(-1, 12)}
    with client(given) as one:
        refused(lambda: one.infer(case.deployment, inputs_of(flat)), "400", "pixels", "shape")


@check
def wrong_datatype(given: Given) -> None:
    mlp, texts = given.cases["mlp"], given.cases["texts"]
    words = np.full((1, 64), b"one", dtype=object)
    numbers = {name: np.zeros(array.shape, np.float32) for name, array in texts.inputs.items()}
    with client(given) as one:
        refused(lambda: one.infer(mlp.deployment, [tensor("x", words)]), "400", "'x'", "BYTES")
        refused(lambda: one.infer(texts.deployment, inputs_of(numbers)), "400", "FP32", "BYTES")


@check
def unknown_output(given: Given) -> None:
    case = given.cases["mlp"]
    with client(given) as one:
        refused(
            lambda: one.infer(case.deployment, inputs_of(case.inputs), outputs=outputs_of(["z"])),
            "400",
            "'z'",
        )


@check
def body_too_large(given: Given) -> None:
    """Over Lambda's limit and over the gateway's, whose answers are no `{"error": …}`: the status counts."""
    case = given.cases["mlp"]
    with client(given) as one:
        for megabytes in (7, 11):
            rows = np.zeros((megabytes * 1024 * 1024 // (64 * 4), 64), np.float32)
            refused(partial(one.infer, case.deployment, [tensor("x", rows)]), "413")
        answers(one.infer(case.deployment, inputs_of(case.inputs)), case.outputs)


@check
def no_token(given: Given) -> None:
    case = given.cases["mlp"]
    with triton.InferenceServerClient(address(given)) as one:
        assert one.is_server_live() is True
        refused(lambda: one.infer(case.deployment, inputs_of(case.inputs)), "401")
