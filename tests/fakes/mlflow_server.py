"""An MLflow server to read from, in memory, and in front of it the network that may break."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpx

Json = dict[str, Any]
API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"


@dataclass
class MemoryMlflow:
    """What it holds is told as MLflow tells it; lists come in pages of two."""

    experiments: list[Json] = field(default_factory=list)
    runs: list[Json] = field(default_factory=list)
    points: dict[tuple[str, str], list[Json]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    models: list[Json] = field(default_factory=list)
    versions: list[Json] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path, query = request.url.path, dict(request.url.params)
        self.asked.append((request.method, path))
        if path.startswith(f"{FILES}/"):
            name = unquote(path.removeprefix(f"{FILES}/"))
            found = self.files.get(name)
            return httpx.Response(404) if found is None else httpx.Response(200, content=found)
        if path == "/version":
            return httpx.Response(200, text="3.17.2")
        body = json.loads(request.content) if request.content else query
        answer = self._answer(path, body)
        return httpx.Response(404, json={"error_code": "NOT_FOUND"}) if answer is None else answer

    def _answer(self, path: str, body: Json) -> httpx.Response | None:
        lists: dict[str, Callable[[], tuple[str, list[Json]]]] = {
            f"{API}/experiments/search": lambda: ("experiments", self.experiments),
            f"{API}/runs/search": lambda: ("runs", self._runs_of(body["experiment_ids"])),
            f"{API}/metrics/get-history": lambda: (
                "metrics",
                self.points.get((body["run_id"], body["metric_key"]), []),
            ),
            f"{API}/registered-models/search": lambda: ("registered_models", self._models(body)),
            f"{API}/model-versions/search": lambda: ("model_versions", self._versions(body["filter"])),
            FILES: lambda: ("files", self._entries(body["path"])),
        }
        if path not in lists:
            return None
        name, found = lists[path]()
        if path == FILES:
            return httpx.Response(200, json={name: found})
        begin = int(body.get("page_token") or 0)
        more = {"next_page_token": str(begin + 2)} if len(found) > begin + 2 else {}
        return httpx.Response(200, json={name: found[begin : begin + 2]} | more)

    def _runs_of(self, experiment_ids: list[str]) -> list[Json]:
        return [run for run in self.runs if run["info"]["experiment_id"] in experiment_ids]

    def _models(self, body: Json) -> list[Json]:
        prompts = "is_prompt" in body.get("filter", "")
        return [
            one for one in self.models if any("is_prompt" in t["key"] for t in one.get("tags", ())) is prompts
        ]

    def _versions(self, wanted: str) -> list[Json]:
        return [one for one in self.versions if f"'{one['name']}'" in wanted]

    def _entries(self, folder: str) -> list[Json]:
        inside = {
            name.removeprefix(f"{folder}/"): body
            for name, body in self.files.items()
            if name.startswith(f"{folder}/")
        }
        files = [
            {"path": name, "is_dir": False, "file_size": len(body)}
            for name, body in inside.items()
            if "/" not in name
        ]
        folders = {name.partition("/")[0] for name in inside if "/" in name}
        return [*files, *({"path": name, "is_dir": True} for name in sorted(folders))]


class CutOffError(BaseException):
    """The command is killed."""


class Network(httpx.BaseTransport):
    """Requests pass to `answer`; the one with number `killed_at` and all after it find the caller killed."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response]) -> None:
        self._answer = answer
        self._lock = threading.Lock()
        self.count = 0
        self.killed_at: int | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        with self._lock:
            self.count += 1
            if self.killed_at is not None and self.count >= self.killed_at:
                raise CutOffError
            answer = self._answer(request)
        # As from a network, to be read once.
        body = httpx.ByteStream(answer.content)
        return httpx.Response(answer.status_code, headers=answer.headers, stream=body)
