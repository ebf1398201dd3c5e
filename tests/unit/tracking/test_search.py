import math
from typing import Any

import pytest

from shelflife.kernel.filter_grammar import parse_filter, parse_orders
from shelflife.kernel.filters import InvalidSearchError, sort
from shelflife.tracking.model import Dataset, DatasetInput, Metric, Run, RunStatus
from shelflife.tracking.searchable import RUNS


def run(name: str = "a", **fields: Any) -> Run:
    metrics = {key: Metric(key, value, 1, 1) for key, value in fields.pop("metrics", {}).items()}
    known: dict[str, Any] = {"status": RunStatus.FINISHED, "start_time": 5} | fields
    return Run(
        run_id=name,
        experiment_id="1",
        run_name=name,
        artifact_uri="",
        user_id="ada",
        metrics=metrics,
        **known,
    )


RUN = run(
    "Big Run_1",
    metrics={"mae": 0.5, "val.loss": 2.0, "a b": -1e3, "odd": math.nan},
    params={"depth": "3", "solver": "l-BFGS\nb"},
    tags={"team": "risk", "with 'quotes'": "x"},
    end_time=None,
    inputs=(
        DatasetInput(Dataset("rides", "abc", "local", "x.csv"), (("mlflow.data.context", "training"),)),
        DatasetInput(Dataset("weather", "def", "local", "y.csv")),
    ),
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "metrics.mae = 0.5",
        "metric.mae < 1 AND metrics.mae >= .5 and metrics.mae != 5e-2",
        "metrics.val.loss > 1.5",
        "metrics.`a b` = -1000",
        'metrics."a b" <= -1e3',
        "metrics.odd != 7",
        "params.depth = '3'",
        'parameters.depth != "4"',
        "param.solver ILIKE 'L-b%B'",
        "tags.team LIKE 'r_sk'",
        "tag.`with 'quotes'` = 'x'",
        "tags.team IS NOT NULL",
        "params.none is  null",
        "status = 'FINISHED'",
        "attributes.status != 'FAILED'",
        "attr.run_name IN ( 'other' , \"Big Run_1\" )",
        "run_id NOT IN ('x','y')",
        "attributes.\"Run name\" = 'Big Run_1'",
        "created >= 5",
        "attribute.start_time = 5",
        "datasets.name = 'rides' AND dataset.digest LIKE 'a%'",
        "datasets.context IN ('training', 'test')",
        "datasets.name != 'rides'",
    ],
)
def test_what_matches(text: str) -> None:
    assert all(clause.matches(RUN) for clause in parse_filter(text, RUNS))


@pytest.mark.parametrize(
    "text",
    [
        "metrics.mae = 0.4",
        "metrics.none != 1",
        "metrics.odd > 0",
        "metrics.odd <= 0",
        "tags.none != 'x'",
        "tags.none LIKE '%'",
        "tags.team LIKE 'R%'",
        "tags.team LIKE 'ris'",
        "params.depth IS NULL",
        "end_time > 0",
        "run_id IN ('x')",
        "datasets.name = 'trains'",
        "datasets.context LIKE 'test%'",
    ],
)
def test_what_does_not_match(text: str) -> None:
    assert not all(clause.matches(RUN) for clause in parse_filter(text, RUNS))


@pytest.mark.parametrize(
    "text",
    [
        "metrics.mae",
        "metrics.mae >",
        "metrics.mae > 1 AND",
        "metrics.mae > 1 params.a = 'b'",
        "metrics.mae > 1 OR metrics.mae < 0",
        "metrics.mae IN ('1')",
        "metrics.mae IS NULL",
        "status IS NULL",
        "params.a > 'b'",
        "params.a = 3",
        "params.a = ('b')",
        "params.a IN 'b'",
        "params.a IN ('b' 'c')",
        "params.a IS NULL 'b'",
        "start_time = 'now'",
        "lifecycle = 'active'",
        "datasets.colour = 'x'",
        "datasets.name IS NULL",
        "; drop table",
    ],
)
def test_what_cannot_be_read(text: str) -> None:
    with pytest.raises(InvalidSearchError):
        parse_filter(text, RUNS)


def test_a_hostile_filter_is_refused_at_once() -> None:
    with pytest.raises(InvalidSearchError):
        parse_filter("params.a IN (" + "'b'   " * 5000 + "!", RUNS)


def names(runs: list[Run]) -> str:
    return "".join(run.run_name for run in runs)


def test_values_come_before_nan_and_nan_before_nothing_either_way() -> None:
    runs = [
        run("a"),
        run("b", metrics={"m": math.nan}),
        run("c", metrics={"m": 2}),
        run("d", metrics={"m": 1}),
    ]
    assert names(sort(runs, parse_orders(["metrics.m"], RUNS))) == "dcba"
    assert names(sort(runs, parse_orders(["metrics.m DESC"], RUNS))) == "cdba"


def test_the_first_order_counts_most_and_equals_keep_their_place() -> None:
    runs = [run("a", params={"p": "1"}), run("b", start_time=9), run("c", params={"p": "1"}), run("d")]
    assert names(sort(runs, parse_orders(["params.p desc", "start_time DESC"], RUNS))) == "acbd"
    assert names(sort(runs, parse_orders([], RUNS))) == "abcd"


@pytest.mark.parametrize("order", ["", "metrics.m sideways", "colours.red", "lifecycle", "a b c"])
def test_an_order_that_cannot_be_read_is_refused(order: str) -> None:
    with pytest.raises(InvalidSearchError):
        sort([run()], parse_orders([order], RUNS))
