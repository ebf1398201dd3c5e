"""Searches of logged models and traces that are sent to a stock server and to our doors alike."""

import json
from typing import Any, Final

_MODEL_FILTERS: Final = (
    "",
    "name = 'alpha'",
    "name != 'alpha'",
    "name LIKE 'a%'",
    "name ILIKE 'g%'",
    "name IN ('alpha','beta')",
    "name NOT IN ('alpha')",
    "model_type = 'Agent'",
    "attributes.model_type = 'Agent'",
    "status = 'READY'",
    "attributes.status = 'FAILED'",
    "status != 'READY'",
    "source_run_id = '{run}'",
    "metrics.acc > 0.6",
    "metrics.acc >= 0.9",
    "metrics.acc < 0.3",
    "metrics.acc = 0.9",
    "metrics.acc != 0.9",
    "params.depth = '3'",
    "params.depth != '3'",
    "params.only = 'x'",
    "params.depth LIKE '%'",
    "tags.team = 'risk'",
    "tags.team != 'risk'",
    "tags.team ILIKE 'R%'",
    "tags.`team` = 'risk'",
    "metrics.acc > 0.6 AND tags.team = 'growth'",
    "creation_time > 0",
    "creation_timestamp > 0",
    "creation_timestamp_ms > 0",
    "last_updated_timestamp > 0",
    "metrics.acc > 'x'",
    "nonsense",
    "name > 'alpha'",
    "name = alpha",
    "foo.bar = 'x'",
    "params.depth > 3",
    "metrics.acc LIKE 'x'",
    "tags.absent IS NULL",
    "name = 'alpha' OR name = 'beta'",
    "model_id = 'x'",
    "experiment_id = '{experiment}'",
    "artifact_location LIKE '%'",
    "metrics.f1 IS NULL",
    "params.only IS NULL",
)
_MODEL_ORDERS: Final[tuple[list[dict[str, Any]], ...]] = (
    [{"field_name": "metrics.acc"}],
    [{"field_name": "metrics.acc", "ascending": False}],
    [{"field_name": "metrics.f1"}],
    [{"field_name": "metrics.acc", "ascending": False, "dataset_name": "test"}],
    [{"field_name": "metrics.acc", "dataset_name": "test", "dataset_digest": "d1"}],
    [{"field_name": "name"}, {"field_name": "creation_time"}],
    [{"field_name": "creation_timestamp", "ascending": True}],
    [{"field_name": "last_updated_timestamp", "ascending": False}],
    [{"field_name": "params.depth"}],
    [{"field_name": "nonsense"}],
    [{"field_name": "tags.team"}],
    [{"field_name": "status"}],
    [{"field_name": "name", "dataset_name": "test"}],
    [{}],
)
_DATASETS: Final[tuple[list[dict[str, Any]], ...]] = (
    [{"dataset_name": "test"}],
    [{"dataset_name": "test", "dataset_digest": "d1"}],
    [{"dataset_name": "test", "dataset_digest": "no"}],
    [{"dataset_digest": "d1"}],
    [{"dataset_name": "none"}],
)
_OLDEST_FIRST: Final[dict[str, Any]] = {"order_by": [{"field_name": "creation_timestamp", "ascending": True}]}

#: Beside the experiment that is searched.
LOGGED_MODEL_SEARCHES: Final[list[dict[str, Any]]] = [
    *({"filter": text} | _OLDEST_FIRST for text in _MODEL_FILTERS),
    *({"order_by": order} for order in _MODEL_ORDERS),
    *({"datasets": datasets} | _OLDEST_FIRST for datasets in _DATASETS),
    *({"datasets": datasets, "filter": "metrics.acc > 0.8"} | _OLDEST_FIRST for datasets in _DATASETS),
    *({"max_results": most} | _OLDEST_FIRST for most in (2, 0, 51, 100, -1)),
    {"page_token": "nonsense"} | _OLDEST_FIRST,
    {"experiment_ids": []},
    {"experiment_ids": ["404"]},
    {"order_by": "x"},
    {"datasets": 5},
    {"filter": 5},
]

_TRACE_FILTERS: Final = (
    "",
    "status = 'OK'",
    "attributes.status = 'ERROR'",
    "status != 'OK'",
    "status IN ('OK','ERROR')",
    "state = 'OK'",
    "trace.status = 'OK'",
    "timestamp_ms > 1795161720000",
    "timestamp > 1795161720000",
    "attributes.timestamp_ms <= 1795161720000",
    "timestamp_ms = 1795161720000",
    "execution_time_ms > 1500",
    "execution_time > 1500",
    "attributes.execution_time_ms < 1000",
    "name = 'name 1'",
    "name LIKE 'name%'",
    "name ILIKE 'NAME%'",
    "name != 'name 1'",
    "trace.name = 'name 1'",
    "tags.team = 'risk'",
    "tag.team = 'risk'",
    "tags.team != 'risk'",
    "tags.team LIKE 'r%'",
    "tags.`odd key` = 'it''s'",
    "tags.absent IS NULL",
    "tags.team IS NOT NULL",
    "metadata.own = 'x'",
    "request_metadata.own = 'x'",
    "metadata.`mlflow.trace.session` = 's1'",
    "trace_metadata.own = 'x'",
    "run_id = '{run}'",
    "attributes.run_id = '{run}'",
    "metadata.`mlflow.sourceRun` = '{run1}'",
    "client_request_id = 'req-1'",
    "trace.client_request_id LIKE 'req%'",
    "request_id = 'tr-1'",
    "trace_id = 'tr-1'",
    "trace_id IN ('tr-1','tr-2')",
    "feedback.good = 'true'",
    "feedback.good = true",
    "feedback.good != 'true'",
    "assessment.good = 'true'",
    "expectation.good = 'x'",
    "feedback.good IS NOT NULL",
    "feedback.good IS NULL",
    "span.name = 'x'",
    "span.type LIKE '%'",
    "trace.text LIKE '%why%'",
    "request_preview LIKE 'why%'",
    "prompt = 'a/1'",
    "nonsense",
    "status > 'OK'",
    "timestamp_ms > 'x'",
    "name = x",
    "tags.team > 'a'",
    "status = 'OK' OR status = 'ERROR'",
    "status = 'OK' AND tags.team = 'growth'",
    "execution_time_ms != 500",
    "timestamp_ms != 1795161720000",
    "user = 'ada'",
    "session = 's1'",
)
_TRACE_ORDERS: Final = (
    ["timestamp_ms ASC"],
    ["timestamp_ms DESC"],
    ["timestamp"],
    ["execution_time_ms DESC"],
    ["execution_time ASC"],
    ["status", "timestamp_ms"],
    ["name ASC", "timestamp_ms DESC"],
    ["attributes.timestamp_ms DESC"],
    ["tags.team ASC", "timestamp_ms ASC"],
    ["metadata.own", "timestamp_ms"],
    ["request_id DESC"],
    ["trace_id ASC"],
    ["experiment_id", "timestamp_ms"],
    ["nonsense"],
    ["client_request_id DESC"],
)
TRACE_SEARCHES: Final[list[dict[str, Any]]] = [
    *({"filter": text, "order_by": ["timestamp_ms ASC"]} for text in _TRACE_FILTERS),
    *({"order_by": order} for order in _TRACE_ORDERS),
    {},
    *({"max_results": most} for most in (2, 0, 501, -1)),
    {"page_token": "nonsense"},
    {"locations": []},
    {"locations": 5},
    {"locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "404"}}]},
    {"filter": 5},
    {"order_by": "x"},
]

_NUMBERED: Final = "a stock server compares the status's number with its name"
_WIDER: Final = "a stock server takes fewer comparisons, attributes and orders here than elsewhere"
_BROKEN: Final = "a stock server fails here with a status of 500"
_LENIENT: Final = "a stock server takes what says nothing"
#: Searches that are answered otherwise here, and why; each has to differ still.
OTHERWISE: Final[dict[str, str]] = {
    json.dumps(search): reason
    for reason, searches in (
        (
            _NUMBERED,
            [
                *(
                    {"filter": text} | _OLDEST_FIRST
                    for text in ("status = 'READY'", "attributes.status = 'FAILED'", "status != 'READY'")
                ),
                {"order_by": [{"field_name": "status"}]},
            ],
        ),
        (
            _WIDER,
            [
                *(
                    {"filter": text} | _OLDEST_FIRST
                    for text in ("tags.absent IS NULL", "params.only IS NULL")
                ),
                *({"order_by": [{"field_name": name}]} for name in ("params.depth", "tags.team")),
                *(
                    {"filter": text, "order_by": ["timestamp_ms ASC"]}
                    for text in ("trace_id = 'tr-1'", "trace_id IN ('tr-1','tr-2')")
                ),
                {"order_by": ["trace_id ASC"]},
                {"order_by": ["client_request_id DESC"]},
            ],
        ),
        (
            _BROKEN,
            [{"filter": "metrics.acc > 'x'"} | _OLDEST_FIRST, {"page_token": "nonsense"} | _OLDEST_FIRST],
        ),
        (
            _LENIENT,
            [
                {"filter": "name = alpha"} | _OLDEST_FIRST,
                {"filter": "timestamp_ms > 'x'", "order_by": ["timestamp_ms ASC"]},
                *({"max_results": most} | _OLDEST_FIRST for most in (0, -1)),
            ],
        ),
        (
            "a stock server finds nothing by a dataset's name without its digest",
            [
                {"datasets": [{"dataset_name": "test"}]} | _OLDEST_FIRST,
                {"datasets": [{"dataset_name": "test"}], "filter": "metrics.acc > 0.8"} | _OLDEST_FIRST,
            ],
        ),
    )
    for search in searches
}
