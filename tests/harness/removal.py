"""Experiments, runs, models and traces to be removed for good, behind their doors in moto's cloud."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest

from shelflife.aws.clients import client
from shelflife.aws.items import Items
from shelflife.kernel.ids import utc_now
from shelflife.tracking import wiring
from shelflife.tracking.settings import RemovalApiSettings, RemovalSettings
from tests.harness.mlflow_doors import mlflow_doors
from tests.harness.states import TaskFailed

API: Final = "/api/2.0/mlflow"
TABLES: Final = ("tracking-table", "registry-table", "tracing-table")
BUCKET: Final = "artifacts"
#: How long ago everything is made and deleted; longer than the window.
AGE: Final = timedelta(days=100)
WINDOW_DAYS: Final = 30


class Filled:
    """An installation, and what is asked of it."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def ask(self, path: str, body: Any, *, method: str = "POST", status: int = 200) -> Any:
        answer = self.http.request(method, path if path.startswith("/v1") else f"{API}/{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def experiment(self, name: str, **more: Any) -> str:
        made: str = self.ask("experiments/create", {"name": name, **more})["experiment_id"]
        return made

    def run(self, experiment_id: str, *, metrics: int = 2, indexed: bool = True) -> str:
        """A run with a metric of many values, a file in two versions, and a dataset."""
        made = self.ask("runs/create", {"experiment_id": experiment_id, "run_name": "milk"})["run"]
        run_id: str = made["info"]["run_id"]
        values = [{"key": f"m{at}", "value": at, "timestamp": 1, "step": 1} for at in range(metrics)]
        values += [{"key": "m0", "value": step, "timestamp": step, "step": step} for step in range(2, 30)]
        logged = {"run_id": run_id, "metrics": values, "params": [{"key": "p", "value": "a"}]}
        self.ask("runs/log-batch", logged | {"tags": [{"key": "t", "value": "b"}]})
        dataset = {"name": "milk", "digest": "1", "source_type": "local", "source": "x"}
        self.ask("runs/log-inputs", {"run_id": run_id, "datasets": [{"dataset": dataset, "tags": []}]})
        for body in (b"first", b"second"):
            self._put(f"{experiment_id}/{run_id}/artifacts/model/a.txt", body)
        if indexed:
            self.index(run_id)
        return run_id

    def model(self, experiment_id: str, run_id: str) -> str:
        made = self.ask(
            "logged-models", {"experiment_id": experiment_id, "name": "m", "source_run_id": run_id}
        )
        model_id: str = made["model"]["info"]["model_id"]
        self._put(f"{experiment_id}/models/{model_id}/artifacts/MLmodel", b"flavors: {}")
        return model_id

    def trace(self, experiment_id: str, name: str) -> None:
        """A trace that was told without spans, and one that is made of a span."""
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}
        info = {"trace_id": f"tr-{name}", "trace_location": place, "request_time": "2026-11-20T08:00:00Z"}
        told = {"trace": {"trace_info": info | {"state": "OK"}}}
        assert self.http.post("/api/3.0/mlflow/traces", json=told).status_code == 200
        self._send_span(experiment_id, name)

    def _send_span(self, experiment_id: str, name: str) -> None:
        """Of a trace of its own, whose id is the name in hexadecimal."""
        span = {
            "traceId": name.encode().hex().zfill(32),
            "spanId": name.encode().hex().zfill(16),
            "name": name,
            "startTimeUnixNano": "1795161600000000000",
            "endTimeUnixNano": "1795161601000000000",
        }
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
        headers = {"x-mlflow-experiment-id": experiment_id}
        assert self.http.post("/v1/traces", json=body, headers=headers).status_code == 200

    def index(self, *run_ids: str) -> None:
        for run_id in run_ids:
            wiring.tracking().keep_index(run_id)

    def delete_run(self, run_id: str, *, indexed: bool = True) -> None:
        self.ask("runs/delete", {"run_id": run_id})
        if indexed:
            self.index(run_id)

    def delete_experiment(self, experiment_id: str) -> None:
        self.ask("experiments/delete", {"experiment_id": experiment_id})

    def found(self, experiment_id: str, view: str = "ALL") -> list[str]:
        asked = {"experiment_ids": [experiment_id], "run_view_type": view}
        return [run["info"]["run_id"] for run in self.ask("runs/search", asked).get("runs", [])]

    def status(self, run_id: str) -> int:
        return self.http.get(f"{API}/runs/get?run_id={run_id}").status_code

    def history(self, run_id: str) -> int | None:
        """How many values the run's first metric has; nothing of a run that is not found."""
        found = self.http.get(f"{API}/metrics/get-history?run_id={run_id}&metric_key=m0")
        return len(found.json()["metrics"]) if found.is_success else None

    def _put(self, path: str, body: bytes) -> None:
        url = f"/api/2.0/mlflow-artifacts/artifacts/{path}"
        assert self.http.put(url, content=body, headers={"content-type": "text/plain"}).status_code == 200


class Killed(BaseException):
    """The end of a function in the middle; nothing of it goes on."""


class Mortal:
    """Handlers that are gone after so many writes to tables, together."""

    def __init__(self, writes: int) -> None:
        self.left = writes

    def of(self, handler: Any) -> Any:
        def answer(event: Any, context: Any) -> Any:
            with pytest.MonkeyPatch.context() as patch:
                for name in ("put", "update", "delete", "transact", "write_many"):
                    patch.setattr(Items, name, self._dying(getattr(Items, name)))
                try:
                    return handler(event, context)
                except Killed:
                    raise TaskFailed("Lambda.Gone") from None

        return answer

    def _dying(self, method: Any) -> Any:
        def write(*given: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise Killed
            return method(*given, **named)

        return write


@contextmanager
def filled() -> Iterator[Filled]:
    """An installation in which everything happens a hundred days ago; removals have no time of grace."""
    with mlflow_doors() as http, pytest.MonkeyPatch.context() as patch:
        client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        known = {"tracking_table_name": TABLES[0], "artifact_bucket_name": BUCKET}
        asked = RemovalSettings(**known, removal_after_days=WINDOW_DAYS, removal_grace_seconds=60)
        told = RemovalApiSettings(
            tracking_table_name=TABLES[0], removal_after_days=WINDOW_DAYS, remove_deleted_arn="none"
        )
        for name, value in (asked.to_env() | told.to_env()).items():
            patch.setenv(name, value)
        # moto is not made to be asked by several threads; the local cloud is, and is asked so (tests/e2e).
        for module in ("tracing.deletion", "tracking.removal"):
            patch.setattr(f"shelflife.{module}._TOGETHER", 1)
        with patch.context() as past:
            past.setattr(wiring, "utc_now", lambda: utc_now() - AGE)
            wiring.tracking()
        yield Filled(http)


def stored() -> dict[str, list[str]]:
    """All keys of the tables and of the bucket with its versions, but for reports of removals."""
    tables = {
        name: sorted(
            f"{item['pk']['S']}|{item['sk']['S']}"
            for page in client("dynamodb").get_paginator("scan").paginate(TableName=name)
            for item in page["Items"]
            if not item["pk"]["S"].startswith("REMOVAL#")
        )
        for name in TABLES
    }
    pages = client("s3").get_paginator("list_object_versions").paginate(Bucket=BUCKET)
    kept = [
        f"{one['Key']}@{one['VersionId']}"
        for page in pages
        for one in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
    ]
    return tables | {BUCKET: sorted(kept)}


def mentions(*ids: str) -> list[str]:
    """Whatever is still stored under one of the ids."""
    return [key for keys in stored().values() for key in keys if any(id in key for id in ids)]
