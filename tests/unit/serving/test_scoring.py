import json
import math
from typing import Any

import numpy as np
import pytest

from shelflife.contracts.models import Datatype, Tensor
from shelflife.kernel.errors import InvalidError, UnsupportedFormError
from shelflife.serving.scoring import prediction_text, predictions_text
from tests.fakes.onnx_models import classifying, echoing, input_of, perceptron, summing
from tests.fakes.predicting import ServedWorld

FEATURES = (input_of("hr", Datatype.INT64), input_of("temp"), input_of("season", Datatype.BYTES))
COLUMNS = ["season", "temp", "hr"]
ROWS: list[list[Any]] = [["winter", 0.5, 8], [None, None, 9]]
RECORDS: list[dict[str, Any]] = [{"season": "winter", "temp": 0.5, "hr": 8}, {"hr": 9}]
CSV = "season,temp,hr,note\nwinter,0.5,8,x\n,,9,y\n"


@pytest.fixture
def world() -> ServedWorld:
    return ServedWorld(summing(*FEATURES))


def score(world: ServedWorld, body: Any, content_type: str | None = "application/json") -> Any:
    raw = body.encode() if isinstance(body, str) else body
    raw = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    told = predictions_text(world.scoring.score("bikes", raw, content_type))
    return json.loads(told, parse_constant=pytest.fail)["predictions"]


def answer(world: ServedWorld, body: Any) -> Any:
    told = prediction_text(world.scoring.answer(json.dumps(body).encode()))
    return json.loads(told, parse_constant=pytest.fail)["prediction"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ({"dataframe_split": {"columns": COLUMNS, "index": [0, 1], "data": ROWS}}, "application/json"),
        ({"dataframe_split": {"columns": [*COLUMNS, "note"], "data": [[*row, 1] for row in ROWS]}}, None),
        ({"dataframe_split": {"data": [row[::-1] for row in ROWS]}}, None),
        ({"dataframe_records": RECORDS, "params": {"a": 1}}, "application/json; charset=utf-8"),
        ({"instances": RECORDS}, "Application/JSON"),
        ({"instances": [row[::-1] for row in ROWS]}, None),
        ({"inputs": {"season": ["winter", None], "temp": [[0.5], [None]], "hr": [8, 9]}}, None),
        ({"inputs": [row[::-1] for row in ROWS]}, None),
        (CSV, "text/csv"),
        ("\ufeff" + CSV.replace("\n", "\r\n\r\n"), 'text/csv; charset="UTF-8"'),
    ],
)
def test_every_form_of_mlflow_means_the_same_rows(
    world: ServedWorld, body: Any, content_type: str | None
) -> None:
    assert score(world, body, content_type) == [18.5, None]
    (kept,) = world.captures.messages
    assert kept.inputs["hr"] == [8, 9]
    assert kept.inputs["season"] == ["winter", None]
    assert math.isnan(kept.inputs["temp"][1] if kept.inputs["temp"][1] is not None else math.nan)


def test_a_classification_answers_its_labels() -> None:
    world = ServedWorld(classifying())
    assert score(world, {"inputs": {"x": [0.75, 0.25]}}) == ["yes", "no"]
    assert score(world, {"instances": [[0.75]]}) == ["yes"]
    assert score(world, "x\n0.75\n", "text/csv") == ["yes"]


def test_a_network_takes_rows_of_its_one_input() -> None:
    world = ServedWorld(perceptron())
    rows = np.random.default_rng(3).normal(size=(3, 64)).round(3).tolist()
    expected = score(world, {"inputs": {"x": rows}})
    assert len(expected) == 3
    assert score(world, {"instances": rows}) == expected
    assert answer(world, {"features": rows}) == expected
    assert answer(world, {"features": rows[0]}) == pytest.approx(expected[:1])


def test_several_outputs_are_told_by_name() -> None:
    world = ServedWorld(echoing(input_of("a"), Tensor(name="b", datatype=Datatype.FP64, shape=(-1, 2))))
    told = score(world, {"inputs": {"a": [1, 2], "b": [[1, 2], [3, None]]}})
    assert told == {"a_out": [1, 2], "b_out": [[1, 2], [3, None]]}


@pytest.mark.parametrize(
    ("datatype", "cells", "expected"),
    [
        (Datatype.INT64, ["9007199254740993", "-1"], [9007199254740993, -1]),
        (Datatype.UINT8, ["255", "1.0"], [255, 1]),
        (Datatype.BOOL, ["True", "0"], [True, False]),
        (Datatype.FP64, ["1e-3", "NaN"], [0.001, None]),
        (Datatype.BYTES, ["1", '"a,b"'], ["1", "a,b"]),
    ],
)
def test_cells_of_csv_are_read_as_the_feature_asks(
    datatype: Datatype, cells: list[str], expected: Any
) -> None:
    world = ServedWorld(echoing(input_of("x", datatype)))
    assert score(world, "x,y\n" + "".join(f"{cell},1\n" for cell in cells), "text/csv") == expected


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            {},
            "body: expected exactly one of 'dataframe_split', 'dataframe_records', 'instances', 'inputs'",
        ),
        ({"inputs": [], "instances": []}, "body: expected exactly one of"),
        ([1], "body: expected a JSON object"),
        (b"\xff", "body: expected JSON"),
        ({"inputs": []}, "inputs: expected a list of rows, got a list of 0"),
        ({"inputs": 3}, "inputs: expected a list of rows, got 3"),
        ({"inputs": {"wind": [1]}}, "columns: expected 'hr', 'temp', 'season', got 'wind'"),
        ({"inputs": {}}, "columns: expected 'hr', 'temp', 'season', got none"),
        ({"inputs": {"hr": [1]}}, "inputs: tensor 'temp' is missing"),
        ({"inputs": {"hr": 1}}, "tensor 'hr': expected a list of values, one per row, got 1"),
        (
            {"inputs": {"hr": [1], "temp": [1, 2], "season": ["a"]}},
            "tensor 'temp': has shape [2], expected [1]",
        ),
        (
            {"inputs": {"hr": [[1], [1, 2]], "temp": [1, 2], "season": ["a", "b"]}},
            "tensor 'hr': expected 1 values",
        ),
        (
            {"inputs": {"hr": [None], "temp": [1], "season": ["a"]}},
            "tensor 'hr': has null at 0, expected a whole",
        ),
        (
            {"inputs": {"hr": [1], "temp": ["1"], "season": ["a"]}},
            "tensor 'temp': has '1' at 0, expected a number",
        ),
        ({"inputs": {"hr": [1], "temp": [True, 1], "season": ["a"]}}, "tensor 'temp': has"),
        ({"inputs": {"hr": [1], "temp": [1], "season": [3]}}, "tensor 'season': has 3 at 0, expected text"),
        (
            {"instances": [[1, 2]]},
            "instances.0: expected 3 values, for 'hr', 'temp', 'season', got a list of 2",
        ),
        ({"instances": [1, 2]}, "instances.0: expected 3 values"),
        ({"dataframe_records": [1]}, "dataframe_records.0: expected an object, got 1"),
        ({"dataframe_records": {}}, "dataframe_records: expected a list of objects"),
        ({"dataframe_records": []}, "dataframe_records: expected a list of objects"),
        ({"dataframe_split": []}, "dataframe_split: expected an object of columns, index and data"),
        ({"dataframe_split": {"data": [], "a": 1}}, "dataframe_split: expected an object of columns"),
        (
            {"dataframe_split": {"data": 1, "columns": ["hr"]}},
            "dataframe_split.data: expected a list of rows",
        ),
        (
            {"dataframe_split": {"data": [], "columns": 1}},
            "dataframe_split.columns: expected a list of names",
        ),
        (
            {"dataframe_split": {"data": [], "columns": [[1]]}},
            "dataframe_split.columns: expected a list of names",
        ),
        (
            {"dataframe_split": {"data": [], "columns": ["hr", "hr"]}},
            "dataframe_split.columns: a name is there",
        ),
        (
            {"dataframe_split": {"data": [], "columns": COLUMNS}},
            "tensor 'season': has shape [0]: expected one row",
        ),
        (
            {"dataframe_split": {"data": [[1]], "columns": COLUMNS}},
            "dataframe_split.data.0: expected 3 values",
        ),
    ],
)
def test_what_is_wrong_with_a_scoring_request_is_named(world: ServedWorld, body: Any, told: str) -> None:
    with pytest.raises(InvalidError) as caught:
        score(world, body)
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "body: expected a header with 'hr', 'temp', 'season', got none"),
        ("a,b\n1,2\n", "body: expected a header with 'hr', 'temp', 'season', got 'a', 'b'"),
        ("hr,temp\n1\n", "body: line 2 has 1 values, the header has 2"),
        ("hr,temp,season\n", "tensor 'hr': has shape [0]: expected one row"),
        ("hr,temp,season\nx,1,a\n", "tensor 'hr': has 'x' at 0, expected a number"),
        ("hr,temp,season\n1.5,1,a\n", "tensor 'hr': has 1.5 at 0, expected a whole number"),
        ("hr,temp,season\n1,1_0,a\n", "tensor 'temp': has '1_0' at 0, expected a number"),
        ("hr,temp,season\n1,inf,a\n", "tensor 'temp': has a number that is too large"),
        ('hr,temp,season\n1,1,"a\n', "body: expected CSV"),
        (b"hr,temp,season\n1,1,\xff\n", "body: expected CSV"),
        ("hr,hr,temp,season\n1,2,1,a\n", "tensor 'hr': is there twice"),
    ],
)
def test_what_is_wrong_with_csv_is_named(world: ServedWorld, text: Any, told: str) -> None:
    with pytest.raises(InvalidError) as caught:
        score(world, text, "text/csv")
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json; charset=latin-1", "text/csv; header=absent"]
)
def test_another_content_type_is_not_read(world: ServedWorld, kind: str) -> None:
    with pytest.raises(UnsupportedFormError, match="send application/json or text/csv, in UTF-8"):
        score(world, CSV, kind)


@pytest.mark.parametrize(
    "features",
    [
        [8, 0.5, "winter"],
        [[8, 0.5, "winter"]],
        {"season": "winter", "hr": 8, "temp": 0.5},
        [{"season": "winter", "hr": 8, "temp": 0.5}],
    ],
)
def test_features_are_one_row_or_several(world: ServedWorld, features: Any) -> None:
    assert answer(world, {"features": features}) == [18.5]


def test_who_is_to_answer_is_named_unless_there_is_but_one(world: ServedWorld) -> None:
    world.add("boats", summing(input_of("x")))
    assert answer(world, {"features": [1], "deployment": "boats"}) == [1]
    assert answer(world, {"features": [[1], [2]], "model": "boats"}) == [1, 2]
    with pytest.raises(InvalidError, match="deployment: expected the name of one, for there are several"):
        answer(world, {"features": [1]})
    with pytest.raises(InvalidError, match="deployment: expected a name, got 3"):
        answer(world, {"features": [1], "deployment": 3})
    world.deployments.deployments.clear()
    with pytest.raises(InvalidError, match="deployment: there is none"):
        answer(world, {"features": [1]})


@pytest.mark.parametrize(
    "features", [None, [], 3, "x", [1], [[]], [[1, 2]], [[1, 0.5, "a"], 1], [1, [2, 3], "a"]]
)
def test_what_is_no_features_is_refused(world: ServedWorld, features: Any) -> None:
    with pytest.raises(InvalidError):
        answer(world, {"features": features})
