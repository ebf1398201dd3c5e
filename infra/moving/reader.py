"""What there is on a server, read while it is asked for: never more than some pages are in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from infra.moving import things
from infra.moving.otlp import spans_of_artifact
from infra.moving.server import API, API3, Json, RefusedError, Server

_RUNS = 200
_EXPERIMENTS = 500
_LOGGED_MODELS = 50
_MODELS = 200
_VERSIONS = 500
_TRACES = 100
_POINTS = 10_000
#: How servers say that they are too old to know a list.
_UNKNOWN = frozenset({httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED, httpx.codes.NOT_IMPLEMENTED})
_PROMPTS = f"tags.`{things.PROMPT_TAG}` = 'true'"


@dataclass(frozen=True, slots=True)
class Reader:
    server: Server

    def version(self) -> str:
        """MLflow's version there.

        Raises:
            MovingError: no MLflow server answers.
        """
        with self.server.download("/version") as answer:
            return answer.read().decode().strip()

    def experiments(self) -> Iterator[Json]:
        """All of them, deleted ones too."""
        asked = {"view_type": "ALL", "order_by": ["creation_time ASC"]}
        for page in self.server.pages(
            f"{API}/experiments/search", "experiments", asked, body=True, size=_EXPERIMENTS
        ):
            yield from page

    def runs(self, experiment_id: str) -> Iterator[Json]:
        """All runs of an experiment, deleted ones too, those that began first first."""
        asked = {
            "experiment_ids": [experiment_id],
            "run_view_type": "ALL",
            "order_by": ["attributes.start_time ASC"],
        }
        for page in self.server.pages(f"{API}/runs/search", "runs", asked, body=True, size=_RUNS):
            yield from page

    def run(self, run_id: str) -> Json | None:
        found = self.server.find(f"{API}/runs/get", {"run_id": run_id})
        return found["run"] if found else None

    def points(self, run_id: str, key: str) -> Iterator[list[Json]]:
        """The history of a metric, page by page."""
        asked = {"run_id": run_id, "metric_key": key}
        return self.server.pages(f"{API}/metrics/get-history", "metrics", asked, body=False, size=_POINTS)

    def points_digest(self, run_id: str, key: str) -> str:
        told = things.PointsDigest()
        for page in self.points(run_id, key):
            for point in page:
                told.add(point)
        return told.told()

    def logged_models(self, experiment_id: str) -> Iterator[Json]:
        """None, if the server is older than them."""
        asked = {"experiment_ids": [experiment_id]}
        path = f"{API}/logged-models/search"
        yield from self._if_known(path, "models", asked, _LOGGED_MODELS)

    def logged_model(self, model_id: str) -> Json | None:
        found = self.server.find(f"{API}/logged-models/{model_id}")
        return found["model"] if found else None

    def models(self, *, prompts: bool) -> Iterator[Json]:
        """Registered models, or the prompts among them."""
        asked: Json = {"filter": _PROMPTS} if prompts else {}
        for page in self.server.pages(
            f"{API}/registered-models/search", "registered_models", asked, body=False, size=_MODELS
        ):
            # Older servers list prompts among the models.
            yield from (model for model in page if is_prompt(model) is prompts)

    def versions(self, name: str, *, prompt: bool) -> list[Json]:
        """A model's versions by number."""
        quote = '"' if "'" in name else "'"
        wanted = f"name = {quote}{name}{quote}" + (f" AND {_PROMPTS}" if prompt else "")
        found = [
            version
            for page in self.server.pages(
                f"{API}/model-versions/search",
                "model_versions",
                {"filter": wanted},
                body=False,
                size=_VERSIONS,
            )
            for version in page
        ]
        return sorted(found, key=lambda version: int(version["version"]))

    def traces(self, experiment_id: str) -> Iterator[Json]:
        """What is told of an experiment's traces, without their spans; the oldest first."""
        place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}
        asked = {"locations": [place], "order_by": ["timestamp_ms ASC"]}
        yield from self._if_known(f"{API3}/traces/search", "traces", asked, _TRACES)

    def spans(self, trace: Json) -> list[Json]:
        """A trace's spans; from an older server, out of the file that it keeps them in."""
        trace_id = trace["trace_id"]
        try:
            told = self.server.get(f"{API3}/traces/get", {"trace_id": trace_id})
            return list(told.get("trace", {}).get("spans", ()))
        except RefusedError:
            path = "/ajax-api/3.0/mlflow/get-trace-artifact"
            found = self.server.find(path, {"request_id": trace_id})
            return spans_of_artifact(found) if found else []

    def _if_known(self, path: str, name: str, asked: dict[str, Any], size: int) -> Iterator[Json]:
        pages = self.server.pages(path, name, asked, body=True, size=size)
        try:
            first = next(pages)
        except RefusedError as error:
            if error.status in _UNKNOWN:
                return
            raise
        yield from first
        for page in pages:
            yield from page


def is_prompt(model: Json) -> bool:
    return things.pairs(model.get("tags")).get(things.PROMPT_TAG, "").lower() == "true"
