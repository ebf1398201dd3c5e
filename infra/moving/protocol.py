"""A target that only speaks MLflow's protocol: any server.

The protocol gives out ids of experiments, runs and logged models, and sets times of creation: what arrives is
tagged with the id that it had, and texts that name such an id are changed. Names, numbers of versions, ids of
traces, and the times of runs, metrics and traces are kept.
"""

from collections.abc import Iterator
from typing import Final

from infra.moving import things
from infra.moving.protocol_registry import create_version, put_model, put_versions
from infra.moving.server import API, Json, MovingError, RefusedError, UnreachableError
from infra.moving.target import (
    LOGGED_MODEL,
    RUN,
    Points,
    TakenError,
    Target,
    batches,
    metrics_of,
)

#: Of the protocol: what one log-batch may hold.
_METRICS: Final = 1000
_PAIRS: Final = 100
_DEFAULT: Final = "0"
_CREATIONS: Final = 4


class ProtocolTarget(Target):
    keeps_ids = False

    def experiment(self, told: Json) -> str:
        known = self._experiment_named(told)
        if known is None:
            id = self._make_experiment(told)
            known = self.server.get(f"{API}/experiments/get", {"experiment_id": id})["experiment"]
        id = str(known["experiment_id"])
        self._check_mine(told, known)
        if known.get("lifecycle_stage") == "deleted":
            self.server.post(f"{API}/experiments/restore", {"experiment_id": id})
        tags = told["tags"] | ({} if id == told["experiment_id"] else self._origin(told))
        for key, value in tags.items():
            if known_tags(known).get(key) != value:
                body = {"experiment_id": id, "key": key, "value": value}
                self.server.post(f"{API}/experiments/set-experiment-tag", body)
        return id

    def run(self, told: Json, points: Points) -> str:
        id = self._run_of(told) or self._create_run(told)
        tags = {key: value for key, value in told["tags"].items() if key not in things.NAMING_TAGS}
        for params in batches(things.listed(told["params"]), _PAIRS):
            self.server.post(f"{API}/runs/log-batch", {"run_id": id, "params": params})
        for some in batches(things.listed(tags), _PAIRS):
            self.server.post(f"{API}/runs/log-batch", {"run_id": id, "tags": some})
        self._forget_tags(told, id)
        for metrics in batches(_all_points(told["metrics"], points), _METRICS):
            self.server.post(f"{API}/runs/log-batch", {"run_id": id, "metrics": metrics})
        self._end(told, id)
        return id

    def link_run(self, told: Json, id: str) -> None:
        links = list(self._links(told))
        if links and told["lifecycle"] == "deleted":
            self._revive(id)
        for path, body in links:
            self.server.post(f"{API}/runs/{path}", {"run_id": id} | body)
        if told["lifecycle"] == "deleted":
            self._set_deleted(id, deleted=True)

    def _links(self, told: Json) -> Iterator[tuple[str, Json]]:
        naming = things.NAMING_TAGS & told["tags"].keys()
        if naming:
            tags = {key: self.names.mapped(told["tags"][key]) for key in sorted(naming)}
            yield "log-batch", {"tags": things.listed(tags)}
        if told["inputs"]:
            inputs = [one | {"tags": things.listed(one["tags"])} for one in told["inputs"]]
            yield "log-inputs", {"datasets": inputs}
        for name, path in (("model_inputs", "log-inputs"), ("outputs", "outputs")):
            models = [one | {"model_id": self.names.thing(one["model_id"])} for one in told[name]]
            if models:
                yield path, {"models": models}

    def logged_model(self, told: Json, points: Points) -> str:
        id = self._logged_model_of(told) or self._create_logged_model(told)
        for metric in told["metrics"]:
            dataset = {name: metric[name] for name in ("dataset_name", "dataset_digest") if metric[name]}
            value = _true_value(metric, points)
            point = metric | {"value": value}
            metrics = list(metrics_of([point], model_id=id, **dataset))
            run_id = self.names.thing(metric["run_id"])
            self.server.post(f"{API}/runs/log-batch", {"run_id": run_id, "metrics": metrics})
        if told["tags"]:
            self.server.patch(f"{API}/logged-models/{id}/tags", {"tags": things.listed(told["tags"])})
        if told["status"] not in {"LOGGED_MODEL_PENDING", "LOGGED_MODEL_STATUS_UNSPECIFIED"}:
            body = {"model_id": id, "status": told["status"]}
            self.server.patch(f"{API}/logged-models/{id}", body)
        return id

    def model(self, told: Json) -> None:
        put_model(self.server, told)

    def versions(self, told: list[Json]) -> None:
        put_versions(self.server, told, self.names, create_version)

    def close_experiment(self, told: Json, id: str) -> None:
        if told["lifecycle"] == "deleted" and id != _DEFAULT:
            found = self.server.get(f"{API}/experiments/get", {"experiment_id": id})["experiment"]
            if found.get("lifecycle_stage") != "deleted":
                self.server.post(f"{API}/experiments/delete", {"experiment_id": id})

    def _experiment_named(self, told: Json) -> Json | None:
        path, query = f"{API}/experiments/get-by-name", {"experiment_name": told["name"]}
        found = self.server.find(path, query)
        return found["experiment"] if found else None

    def _make_experiment(self, told: Json) -> str:
        body = {"name": told["name"], "tags": things.listed(self._origin(told))}
        try:
            return str(self.server.post(f"{API}/experiments/create", body)["experiment_id"])
        except RefusedError as error:
            known = self._experiment_named(told) if error.exists else None
            if known is None:
                raise
            return str(known["experiment_id"])

    def _check_mine(self, told: Json, known: Json) -> None:
        """See that writing to an experiment that was there before spoils nothing."""
        if known.get("lifecycle_stage") == "deleted" and not self._is_mine(told, known):
            raise TakenError(
                f"a deleted experiment at the target is called {told['name']!r}: restore or rename it first"
            )

    def _is_mine(self, told: Json, known: Json) -> bool:
        id: str = told["experiment_id"]
        return known_tags(known).get(things.EXPERIMENT_ID_TAG) == id

    def _origin(self, told: Json) -> dict[str, str]:
        return {things.EXPERIMENT_ID_TAG: told["experiment_id"]}

    def _run_of(self, told: Json) -> str | None:
        """The run, if it was begun here before; it may be written to again."""
        known = self.journal.find(RUN, told["run_id"])
        if known is None:
            return None
        id = known.target or self._tagged_run(told)
        if id:
            self._revive(id)
        return id

    def _revive(self, id: str) -> None:
        """Only a run that is not deleted can be written to."""
        found = self.reader.run(id)
        if found is not None and found["info"].get("lifecycle_stage") == "deleted":
            self._set_deleted(id, deleted=False)

    def _create_run(self, told: Json) -> str:
        self.journal.begin(RUN, told["run_id"])
        tags = [{"key": things.RUN_ID_TAG, "value": told["run_id"]}]
        body = {
            "experiment_id": self.names.experiment(told["experiment_id"]),
            "run_name": told["run_name"],
            "user_id": told["user_id"],
            "start_time": told["start_time"],
            "tags": tags,
        }
        for _ in range(_CREATIONS):
            try:
                made = self.server.post(f"{API}/runs/create", body, once=True)
            except (UnreachableError, RefusedError) as error:
                if isinstance(error, RefusedError) and not error.busy:
                    raise
                # Whether it was made is not known: it is looked for before it is made again.
                found = self._tagged_run(told)
                if found:
                    return found
                continue
            return str(made["run"]["info"]["run_id"])
        raise MovingError(f"run {told['run_id']!r} could not be made at {self.server.url}")

    def _forget_tags(self, told: Json, id: str) -> None:
        """Tags that the source had when the run was moved before, and has no longer."""
        found = self.reader.run(id) if self.journal.target_of(RUN, told["run_id"]) else None
        known = things.run(found)["tags"] if found else {}
        for key in known.keys() - told["tags"].keys():
            self.server.post(f"{API}/runs/delete-tag", {"run_id": id, "key": key})

    def _tagged_run(self, told: Json) -> str | None:
        body = {
            "experiment_ids": [self.names.experiment(told["experiment_id"])],
            "filter": f"tags.`{things.RUN_ID_TAG}` = '{told['run_id']}'",
            "run_view_type": "ALL",
            "max_results": 1,
        }
        found = self.server.post(f"{API}/runs/search", body).get("runs")
        return str(found[0]["info"]["run_id"]) if found else None

    def _end(self, told: Json, id: str) -> None:
        body = {"run_id": id, "status": told["status"], "run_name": told["run_name"]}
        if told["end_time"] is not None:
            body["end_time"] = told["end_time"]
        self.server.post(f"{API}/runs/update", body)

    def _set_deleted(self, id: str, *, deleted: bool) -> None:
        self.server.post(f"{API}/runs/{'delete' if deleted else 'restore'}", {"run_id": id})

    def _logged_model_of(self, told: Json) -> str | None:
        known = self.journal.find(LOGGED_MODEL, told["model_id"])
        if known is None:
            return None
        body = {
            "experiment_ids": [self.names.experiment(told["experiment_id"])],
            "filter": f"tags.`{things.MODEL_ID_TAG}` = '{told['model_id']}'",
            "max_results": 1,
        }
        found = self.server.post(f"{API}/logged-models/search", body).get("models")
        return known.target or (str(found[0]["info"]["model_id"]) if found else None)

    def _create_logged_model(self, told: Json) -> str:
        self.journal.begin(LOGGED_MODEL, told["model_id"])
        tags = told["tags"] | {things.MODEL_ID_TAG: told["model_id"]}
        body = {
            "experiment_id": self.names.experiment(told["experiment_id"]),
            "name": told["name"],
            "model_type": told["model_type"],
            "source_run_id": self.names.thing(told["source_run_id"]),
            "tags": things.listed(tags),
            "params": things.listed(told["params"]),
        }
        made = self.server.post(f"{API}/logged-models", body)
        return str(made["model"]["info"]["model_id"])


def known_tags(raw: Json) -> dict[str, str]:
    return things.pairs(raw.get("tags"))


def _all_points(metrics: Json, points: Points) -> Iterator[Json]:
    for key in metrics:
        for page in points(key):
            yield from metrics_of(page)


def _true_value(metric: Json, points: Points) -> float | str:
    """What the run's history says of a point: of models, servers tell 0 where it is not a number."""
    value = float(metric["value"])
    if value == 0:
        for page in points(metric["key"]):
            for point in page:
                same = (int(point.get("timestamp", 0)), int(point.get("step", 0)))
                if point.get("value") == "NaN" and same == (metric["timestamp"], metric["step"]):
                    return "NaN"
    return value
