"""What is computed: every datatype, in JSON and in binary, equal to the last bit."""

import numpy as np
import tritonclient.http as triton

from tests.clients.exchange import Given
from tests.clients.triton.calls import answers, check, client, finite, inputs_of, outputs_of, tensor

_MANY_ROWS = 10_000


@check
def infer_json(given: Given) -> None:
    case = given.cases["numbers"]
    with client(given) as one:
        outputs = outputs_of(case.outputs, in_json=case.outputs)
        result = one.infer(case.deployment, inputs_of(case.inputs, in_json=case.inputs), outputs=outputs)
    assert all("data" in each for each in result.get_response()["outputs"])
    answers(result, finite(case))


@check
def infer_binary(given: Given) -> None:
    case = given.cases["numbers"]
    with client(given) as one:
        result = one.infer(case.deployment, inputs_of(case.inputs), outputs=outputs_of(case.outputs))
    assert all(each["parameters"]["binary_data_size"] for each in result.get_response()["outputs"])
    answers(result, case.outputs)


@check
def infer_all_outputs_in_binary(given: Given) -> None:
    """Without outputs the client asks for all of them in binary."""
    case = given.cases["numbers"]
    with client(given) as one:
        result = one.infer(case.deployment, inputs_of(case.inputs))
    assert not any("data" in each for each in result.get_response()["outputs"])
    answers(result, case.outputs)


@check
def infer_mixed(given: Given) -> None:
    """Every second input and output is JSON, the others binary."""
    case = given.cases["numbers"]
    names = list(case.outputs)
    with client(given) as one:
        result = one.infer(
            case.deployment,
            inputs_of(case.inputs, in_json=list(case.inputs)[::2]),
            outputs=outputs_of(names, in_json=names[1::2]),
        )
    assert ["data" in each for each in result.get_response()["outputs"]] == [
        at % 2 == 1 for at in range(len(names))
    ]
    expected = {name: (finite(case) if at % 2 else case.outputs)[name] for at, name in enumerate(names)}
    answers(result, expected)


@check
def bytes_in_json(given: Given) -> None:
    case = given.cases["texts"]
    with client(given) as one:
        outputs = outputs_of(case.outputs, in_json=case.outputs)
        result = one.infer(case.deployment, inputs_of(case.inputs, in_json=case.inputs), outputs=outputs)
    answers(result, case.outputs)


@check
def bytes_in_binary(given: Given) -> None:
    case = given.cases["texts"]
    with client(given) as one:
        answers(one.infer(case.deployment, inputs_of(case.inputs)), case.outputs)


@check
def requested_outputs(given: Given) -> None:
    """Some, and in the order asked for."""
    case = given.cases["numbers"]
    names = ["fp64_third", "bool_same", "int64_same"]
    with client(given) as one:
        result = one.infer(case.deployment, inputs_of(case.inputs), outputs=outputs_of(names))
    answers(result, {name: case.outputs[name] for name in names})


@check
def matrix_model(given: Given) -> None:
    case = given.cases["mlp"]
    with client(given) as one:
        answers(one.infer(case.deployment, inputs_of(case.inputs)), case.outputs)
        outputs = outputs_of(case.outputs, in_json=case.outputs)
        result = one.infer(case.deployment, inputs_of(case.inputs, in_json=case.inputs), outputs=outputs)
        answers(result, case.outputs)


@check
def rank_three(given: Given) -> None:
    case = given.cases["images"]
    with client(given) as one:
        answers(one.infer(case.deployment, inputs_of(case.inputs)), case.outputs)
        outputs = outputs_of(case.outputs, in_json=case.outputs)
        result = one.infer(case.deployment, inputs_of(case.inputs, in_json=case.inputs), outputs=outputs)
        answers(result, case.outputs)


@check
def features_by_name(given: Given) -> None:
    """A tensor per feature, in any order."""
    case = given.cases["features"]
    turned = dict(reversed(case.inputs.items()))
    with client(given) as one:
        answers(one.infer(case.deployment, inputs_of(turned)), case.outputs)


@check
def features_as_a_matrix(given: Given) -> None:
    """All features as one tensor, in the signature's order."""
    case = given.cases["features"]
    matrix = np.concatenate(list(case.inputs.values()), axis=1)
    with client(given) as one:
        for binary in (True, False):
            answers(one.infer(case.deployment, [tensor("x", matrix, binary=binary)]), case.outputs)


@check
def many_rows(given: Given) -> None:
    case = given.cases["many"]
    with client(given) as one:
        result = one.infer(case.deployment, inputs_of(case.inputs))
    assert len(result.as_numpy("prediction")) == _MANY_ROWS
    answers(result, case.outputs)


@check
def classifier_outputs(given: Given) -> None:
    """A label in words beside probabilities."""
    case = given.cases["classifier"]
    with client(given) as one:
        answers(one.infer(case.deployment, inputs_of(case.inputs)), case.outputs)


@check
def classification(given: Given) -> None:
    case = given.cases["classifier"]
    probabilities = case.outputs["probabilities"]
    with client(given) as one:
        for binary in (True, False):
            asked = triton.InferRequestedOutput("probabilities", binary_data=binary, class_count=3)
            told = one.infer(case.deployment, inputs_of(case.inputs), outputs=[asked]).as_numpy(
                "probabilities"
            )
            assert told.shape == (len(probabilities), 3)
            for row, texts in zip(probabilities, told, strict=True):
                parts = [text.decode() if isinstance(text, bytes) else text for text in texts]
                places = [int(text.split(":")[1]) for text in parts]
                assert places == np.argsort(-row, kind="stable")[:3].tolist()
                assert [text.split(":")[2] for text in parts] == [case.classes[place] for place in places]
                close = [
                    abs(float(text.split(":")[0]) - row[at]) for text, at in zip(parts, places, strict=True)
                ]
                assert max(close) < 1e-6
