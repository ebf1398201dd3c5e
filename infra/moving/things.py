"""Things as they are compared: what a server tells of them, in one form, without what only it can tell.

Ids of experiments, runs and logged models stand in it as the source knows them; `Names` says what the target
calls them.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]

PROMPT_TAG: Final = "mlflow.prompt.is_prompt"
#: Left on what could not keep its id.
RUN_ID_TAG: Final = "shelflife.run_id"
MODEL_ID_TAG: Final = "shelflife.model_id"
EXPERIMENT_ID_TAG: Final = "shelflife.experiment_id"
VERSION_TAG: Final = "shelflife.version"
#: Registries write it into a logged model by themselves.
MODEL_VERSIONS_TAG: Final = "mlflow.modelVersions"
#: Tags of runs that name other runs, and models.
NAMING_TAGS: Final = frozenset({"mlflow.parentRunId", "mlflow.rootRunId", "mlflow.log-model.history"})
_OURS: Final = {RUN_ID_TAG, MODEL_ID_TAG, EXPERIMENT_ID_TAG, VERSION_TAG}
#: Where a server keeps a trace is its own affair, and what it counts itself.
OF_THE_SERVER: Final = {
    "mlflow.artifactLocation",
    "mlflow.trace.spansLocation",
    "mlflow.trace.sizeBytes",
    "mlflow.trace.sizeStats",
    "mlflow.trace.infoFinalized",
}
_ID: Final = re.compile(r"\bm-[0-9a-f]{32}\b|\b[0-9a-f]{32}\b")
_LOGGED_MODEL: Final = re.compile(r"models:/(m-[0-9a-f]{32})")
_PROXIED: Final = re.compile(r"(mlflow-artifacts:/(?://?[^/]*/)?)(\d+)(?=/)")
_DIGITS: Final = 1 << 256


@dataclass(frozen=True, slots=True)
class Names:
    """What the target calls experiments, and runs and logged models; what it keeps, it calls the same."""

    experiment: Callable[[str], str]
    thing: Callable[[str], str]

    def mapped(self, text: str) -> str:
        """A text that names runs, logged models or their folders, as it must be at the target."""
        text = _PROXIED.sub(lambda found: found[1] + self.experiment(found[2]), text)
        return _ID.sub(lambda found: self.thing(found[0]), text)


SAME: Final = Names(experiment=str, thing=str)


def digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def pairs(told: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    return {pair["key"]: pair.get("value", "") for pair in told or ()}


def listed(pairs: Mapping[str, str]) -> list[Json]:
    return [{"key": key, "value": value} for key, value in pairs.items()]


def number(value: Any) -> float | str:
    """A metric's value as text that tells every bit of it."""
    return repr(float(value))


def experiment(raw: Json) -> Json:
    return {
        "experiment_id": raw["experiment_id"],
        "name": raw["name"],
        "lifecycle": raw.get("lifecycle_stage", "active"),
        "creation_time": int(raw.get("creation_time") or 0),
        "last_update_time": int(raw.get("last_update_time") or 0),
        "tags": without(pairs(raw.get("tags"))),
    }


def run(raw: Json) -> Json:
    info, data = raw["info"], raw.get("data", {})
    return {
        "run_id": info["run_id"],
        "experiment_id": info["experiment_id"],
        "run_name": info.get("run_name", ""),
        "user_id": info.get("user_id", ""),
        "status": info.get("status", "RUNNING"),
        "start_time": int(info.get("start_time") or 0),
        "end_time": int(info["end_time"]) if info.get("end_time") else None,
        "lifecycle": info.get("lifecycle_stage", "active"),
        "params": pairs(data.get("params")),
        "tags": without(pairs(data.get("tags"))),
        "metrics": {
            one["key"]: [number(one.get("value", 0)), int(one.get("timestamp", 0)), int(one.get("step", 0))]
            for one in data.get("metrics", ())
        },
        "inputs": in_order(map(_dataset_input, raw.get("inputs", {}).get("dataset_inputs", ()))),
        "model_inputs": in_order(raw.get("inputs", {}).get("model_inputs", ())),
        "outputs": in_order(map(_output, raw.get("outputs", {}).get("model_outputs", ()))),
    }


def logged_model(raw: Json) -> Json:
    info, data = raw["info"], raw.get("data", {})
    return {
        "model_id": info["model_id"],
        "experiment_id": info["experiment_id"],
        "name": info.get("name", ""),
        "creation_time": int(info.get("creation_timestamp_ms") or 0),
        "last_update_time": int(info.get("last_updated_timestamp_ms") or 0),
        "status": info.get("status", "LOGGED_MODEL_PENDING"),
        "status_message": info.get("status_message") or None,
        "model_type": info.get("model_type") or "",
        "source_run_id": info.get("source_run_id") or "",
        "tags": without(pairs(info.get("tags"))),
        "params": pairs(data.get("params")),
        "metrics": in_order(map(_model_metric, data.get("metrics", ()))),
    }


def registered_model(raw: Json) -> Json:
    return {
        "name": raw["name"],
        "description": raw.get("description") or "",
        "creation_time": int(raw.get("creation_timestamp") or 0),
        "last_update_time": int(raw.get("last_updated_timestamp") or 0),
        "tags": pairs(raw.get("tags")),
        "aliases": {one["alias"]: str(one["version"]) for one in raw.get("aliases", ())},
    }


def version(raw: Json) -> Json:
    return {
        "name": raw["name"],
        "version": str(raw["version"]),
        "creation_time": int(raw.get("creation_timestamp") or 0),
        "last_update_time": int(raw.get("last_updated_timestamp") or 0),
        "stage": raw.get("current_stage") or "None",
        "description": raw.get("description") or "",
        "source": raw.get("source") or "",
        "run_id": raw.get("run_id") or "",
        "run_link": raw.get("run_link") or "",
        "model_id": raw.get("model_id") or _logged_model_in(raw.get("source") or ""),
        "status": raw.get("status") or "READY",
        "tags": without(pairs(raw.get("tags"))),
    }


def trace(raw: Json) -> Json:
    """A trace's own fields; its spans are compared by `spans`."""
    return {
        "trace_id": raw["trace_id"],
        "experiment_id": experiment_of_trace(raw),
        "client_request_id": raw.get("client_request_id") or "",
        "request_time": raw.get("request_time", ""),
        "execution_duration": raw.get("execution_duration") or "",
        "state": raw.get("state", ""),
        "request_preview": raw.get("request_preview") or "",
        "response_preview": raw.get("response_preview") or "",
        "metadata": without(raw.get("trace_metadata", {}), OF_THE_SERVER),
        "tags": without(raw.get("tags", {}), OF_THE_SERVER),
        "assessments": sorted((_assessment(one) for one in raw.get("assessments", ())), key=_by_id),
    }


def spans(told: Iterable[Json]) -> list[str]:
    """Digests of spans, in no order."""
    return sorted(
        digest(
            {
                "id": span.get("span_id"),
                "parent": span.get("parent_span_id") or "",
                "name": span.get("name", ""),
                "times": [
                    int(span.get("start_time_unix_nano") or 0),
                    int(span.get("end_time_unix_nano") or 0),
                ],
                "status": [span.get("status", {}).get(part, "") for part in ("code", "message")],
                "attributes": in_order(span.get("attributes", ())),
                "events": [
                    [
                        one.get("name", ""),
                        int(one.get("time_unix_nano") or 0),
                        in_order(one.get("attributes", ())),
                    ]
                    for one in span.get("events", ())
                ],
            }
        )
        for span in told
    )


def experiment_of_trace(raw: Json) -> str:
    return str(raw.get("trace_location", {}).get("mlflow_experiment", {}).get("experiment_id", ""))


class PointsDigest:
    """Of a metric's points, in whatever order they come; it takes the same memory however many they are."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0

    def add(self, point: Mapping[str, Any]) -> None:
        value, at, step = (
            number(point.get("value", 0)),
            int(point.get("timestamp", 0)),
            int(point.get("step", 0)),
        )
        told = hashlib.sha256(f"{value} {at} {step}".encode()).digest()
        self._sum = (self._sum + int.from_bytes(told)) % _DIGITS
        self.count += 1

    def told(self) -> str:
        return f"{self.count}:{self._sum:064x}"


def without(pairs: Mapping[str, str], keys: Iterable[str] = _OURS) -> dict[str, str]:
    return {key: value for key, value in pairs.items() if key not in keys}


def _logged_model_in(source: str) -> str:
    found = _LOGGED_MODEL.fullmatch(source)
    return found[1] if found else ""


def _dataset_input(raw: Json) -> Json:
    dataset = {name: value for name, value in raw["dataset"].items() if value not in ("", None)}
    return {"dataset": dataset, "tags": pairs(raw.get("tags"))}


def _output(raw: Json) -> Json:
    return {"model_id": raw["model_id"], "step": int(raw.get("step", 0))}


def _model_metric(raw: Json) -> Json:
    # Of a model, servers tell 0 where it was not a number.
    value = raw.get("value", 0)
    return {
        "key": raw["key"],
        "value": number(0 if value == "NaN" else value),
        "timestamp": int(raw.get("timestamp", 0)),
        "step": int(raw.get("step", 0)),
        "run_id": raw.get("run_id") or "",
        "dataset_name": raw.get("dataset_name") or "",
        "dataset_digest": raw.get("dataset_digest") or "",
    }


def _assessment(raw: Json) -> Json:
    dropped = {"trace_id"}
    return {name: value for name, value in raw.items() if name not in dropped and value not in ("", None, {})}


def _by_id(assessment: Json) -> str:
    return str(assessment.get("assessment_id", ""))


def in_order(told: Iterable[Any]) -> list[Any]:
    """The same list, whatever order it came in."""
    return sorted(told, key=digest)
