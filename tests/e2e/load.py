"""Many clients at once, each with a connection that it keeps, and what every one of them was answered."""

import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.harness.installation import Platform

_ANSWER_SECONDS = 60


@dataclass(frozen=True)
class Asked:
    """One row, under an id of its own; a sticky key if the client has one."""

    id: str
    row: Mapping[str, float]
    key: str | None = None

    @property
    def body(self) -> bytes:
        inputs = [
            {"name": name, "datatype": "FP32", "shape": [1, 1], "data": [value]}
            for name, value in self.row.items()
        ]
        return json.dumps({"id": self.id, "inputs": inputs}).encode()

    @property
    def headers(self) -> dict[str, str]:
        return {"x-shelflife-key": self.key} if self.key else {}


@dataclass(frozen=True)
class Answered:
    """An answer, or what came instead of one (`status` 0: nothing did)."""

    asked: Asked
    began: float
    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def revision(self) -> int:
        return int(self.headers["x-shelflife-revision"])

    @property
    def variant(self) -> str:
        return self.headers["x-shelflife-variant"]

    @property
    def model_version(self) -> int:
        return int(self.headers["x-shelflife-model-version"])

    @property
    def value(self) -> float:
        value: float = self.body["outputs"][0]["data"][0]
        return value


@dataclass
class Load:
    """The requests are shared out: whoever is free takes the next. None is asked twice, whatever comes."""

    platform: Platform
    deployment: str
    requests: Sequence[Asked]
    connections: int
    #: How far apart they open: each may need an instance of its own, which takes a moment to start.
    apart_seconds: float = 0.3
    answers: list[Answered] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._left = iter(self.requests)
        self._taking = threading.Lock()
        self._threads = [
            threading.Thread(target=self._client, args=(at * self.apart_seconds,), daemon=True)
            for at in range(self.connections)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wait_for(self, count: int) -> None:
        """Until so many have been answered; or as many as will be, if a client has failed."""
        while len(self.answers) < count and any(thread.is_alive() for thread in self._threads):
            time.sleep(0.01)

    def join(self) -> list[Answered]:
        for thread in self._threads:
            thread.join()
        return self.answers

    def _client(self, wait: float) -> None:
        time.sleep(wait)
        address = urlsplit(self.platform.endpoints.api_url)
        assert address.hostname
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=_ANSWER_SECONDS)
        path = f"{address.path}/v2/models/{self.deployment}/infer"
        authorization = {"Authorization": f"Bearer {self.platform.endpoints.token}"}
        for asked in self._taken():
            began = time.monotonic()
            try:
                connection.request("POST", path, asked.body, authorization | asked.headers)
                response = connection.getresponse()
                content = response.read()
            except (OSError, http.client.HTTPException) as error:
                self.answers.append(Answered(asked, began, 0, {}, repr(error)))
                connection.close()
                continue
            headers = {name.lower(): value for name, value in response.getheaders()}
            self.answers.append(Answered(asked, began, response.status, headers, json.loads(content)))
        connection.close()

    def _taken(self) -> Iterator[Asked]:
        while True:
            with self._taking:
                asked = next(self._left, None)
            if asked is None:
                return
            yield asked
