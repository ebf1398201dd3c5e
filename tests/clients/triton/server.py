"""What the server says of itself and of its models."""

from tests.clients.exchange import Given
from tests.clients.triton.calls import answers, check, client, inputs_of, refused


@check
def server_live(given: Given) -> None:
    with client(given) as one:
        assert one.is_server_live() is True


@check
def server_ready(given: Given) -> None:
    with client(given) as one:
        assert one.is_server_ready() is True


@check
def server_metadata(given: Given) -> None:
    with client(given) as one:
        told = one.get_server_metadata()
    assert told["name"] == "shelflife"
    assert told["version"]
    assert {"binary_tensor_data", "classification", "model_repository", "statistics"} <= set(
        told["extensions"]
    )


@check
def model_ready(given: Given) -> None:
    name = given.cases["features"].deployment
    with client(given) as one:
        assert one.is_model_ready(name) is True
        assert one.is_model_ready(name, "1") is True
        assert one.is_model_ready(name, "999") is False
        assert one.is_model_ready("nobody-made-it") is False


@check
def model_metadata(given: Given) -> None:
    with client(given) as one:
        for case in given.cases.values():
            told = one.get_model_metadata(case.deployment)
            assert told["name"] == case.deployment
            assert told["platform"]
            assert "1" in told["versions"]
            for kind, tensors in case.signature.items():
                described = {each["name"]: (each["datatype"], tuple(each["shape"])) for each in told[kind]}
                assert described == {name: (how, tuple(shape)) for name, (how, shape) in tensors.items()}
            assert one.get_model_metadata(case.deployment, "1")["inputs"] == told["inputs"]


@check
def model_config(given: Given) -> None:
    case = given.cases["texts"]
    with client(given) as one:
        told = one.get_model_config(case.deployment)
    assert told["name"] == case.deployment
    configured = {each["name"]: (each["data_type"], tuple(each["dims"])) for each in told["input"]}
    assert configured == {
        name: ("TYPE_STRING", tuple(shape)) for name, (_, shape) in case.signature["inputs"].items()
    }
    assert {each["name"] for each in told["output"]} == set(case.outputs)


@check
def statistics(given: Given) -> None:
    """They count what one instance of the function answered, and another may answer the next request."""
    case = given.cases["mlp"]
    with client(given) as one:
        for _ in range(20):
            one.infer(case.deployment, inputs_of(case.inputs))
            (told,) = one.get_inference_statistics(case.deployment, "1")["model_stats"]
            if told["inference_stats"]["success"]["count"]:
                break
        everything = one.get_inference_statistics()["model_stats"]
    assert (told["name"], told["version"]) == (case.deployment, "1")
    assert told["inference_count"] >= told["inference_stats"]["success"]["count"] >= 1
    assert told["inference_stats"]["success"]["ns"] > 0
    assert all(each["name"] and each["version"] for each in everything)


@check
def repository_index(given: Given) -> None:
    with client(given) as one:
        told = one.get_model_repository_index()
    ready = {each["name"] for each in told if each["state"] == "READY"}
    assert {case.deployment for case in given.cases.values()} <= ready


@check
def repository_load(given: Given) -> None:
    case = given.cases["mlp"]
    with client(given) as one:
        one.load_model(case.deployment)
        answers(one.infer(case.deployment, inputs_of(case.inputs)), case.outputs)
        refused(lambda: one.load_model("nobody-made-it"), "404", "nobody-made-it")


@check
def repository_unload(given: Given) -> None:
    """It gives memory back; who asks next is answered all the same."""
    case = given.cases["mlp"]
    with client(given) as one:
        one.unload_model(case.deployment)
        answers(one.infer(case.deployment, inputs_of(case.inputs)), case.outputs)
        refused(lambda: one.unload_model("nobody-made-it"), "404", "nobody-made-it")
