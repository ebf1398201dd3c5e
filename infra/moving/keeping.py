"""A target that is ours: ids, numbers and times stay what they were.

What MLflow's protocol cannot say, our own routes do, for administrators; everything else goes over the
protocol. An experiment whose id is taken by another one gets a new id; the rest stays.
"""

from typing import Final

from infra.moving import things
from infra.moving.protocol import ProtocolTarget
from infra.moving.protocol_registry import put_versions
from infra.moving.server import API, Json, RefusedError, Server
from infra.moving.target import RUN, TakenError

_CONFLICT: Final = 409


class KeepingTarget(ProtocolTarget):
    keeps_ids = True

    def model(self, told: Json) -> None:
        fields = ("name", "description", "tags", "creation_time")
        self.server.put("/v1/registry/adopted/models", {field: told[field] for field in fields})
        super().model(told)

    def versions(self, told: list[Json]) -> None:
        put_versions(self.server, told, self.names, _adopt_version)

    def _make_experiment(self, told: Json) -> str:
        id = str(told["experiment_id"])
        body = {"name": told["name"], "creation_time": told["creation_time"]}
        try:
            self.server.put(f"/v1/tracking/experiments/{id}", body)
        except RefusedError as error:
            if error.status != _CONFLICT:
                raise
            return super()._make_experiment(told)
        return id

    def _check_mine(self, told: Json, known: Json) -> None:
        if not self._is_mine(told, known):
            raise TakenError(
                f"experiment {known['experiment_id']!r} at the target is called {told['name']!r}, too: "
                "rename one of them"
            )

    def _is_mine(self, told: Json, known: Json) -> bool:
        return known["experiment_id"] == told["experiment_id"] or super()._is_mine(told, known)

    def _create_run(self, told: Json) -> str:
        self.journal.begin(RUN, told["run_id"])
        body = {field: told[field] for field in ("run_name", "user_id", "start_time")}
        body["experiment_id"] = self.names.experiment(told["experiment_id"])
        self.server.put(f"/v1/tracking/runs/{told['run_id']}", body)
        return str(told["run_id"])

    def _logged_model_of(self, told: Json) -> str | None:
        # Taking it in again does no harm, and finishes what was cut off.
        del told
        return None

    def _create_logged_model(self, told: Json) -> str:
        id = str(told["model_id"])
        body = {field: told[field] for field in ("name", "model_type", "source_run_id", "creation_time")}
        body["experiment_id"] = self.names.experiment(told["experiment_id"])
        self.server.put(f"/v1/tracking/logged-models/{id}", body)
        if told["params"]:
            params = {"params": things.listed(told["params"])}
            self.server.post(f"{API}/logged-models/{id}/params", params)
        return id


def _adopt_version(server: Server, wanted: Json) -> Json:
    fields = ("name", "source", "stage", "run_id", "model_id", "run_link", "description", "tags")
    body = {field: wanted[field] for field in fields} | {
        "version": int(wanted["version"]),
        "creation_time": wanted["creation_time"],
        "last_update_time": wanted["last_update_time"],
    }
    made: Json = server.put("/v1/registry/adopted/versions", body)["model_version"]
    return made
