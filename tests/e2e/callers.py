"""Callers who keep asking deployments of the linear models, and keep what they were answered."""

import threading
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple, Self

import httpx
import numpy as np

from shelflife.kernel.names import Header
from tests.e2e.lines import Rows, diabetes, models, tensors
from tests.harness.installation import Platform

ROWS_PER_REQUEST = 200
#: Answers come as JSON of FP32, and onnxruntime adds in another order than numpy.
_TOLERANCE = 1e-3


class Answered(NamedTuple):
    """One request's answer; `right`: it is what the version that it names answers."""

    deployment: str
    status: int
    revision: int
    variant: str
    version: int
    right: bool
    told: str


class Callers:
    """Each thread asks one deployment after the other for rows drawn at random, until it is told to stop."""

    def __init__(self, platform: Platform, deployments: Sequence[str], threads: int = 2) -> None:
        self._platform = platform
        self._deployments = deployments
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(at,)) for at in range(threads)]
        self.answers: list[Answered] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def of(self, deployment: str) -> list[Answered]:
        return [one for one in list(self.answers) if one.deployment == deployment]

    def _call(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        rows, _ = diabetes()
        for at in count(seed):
            if self._stop.is_set():
                return
            deployment = self._deployments[at % len(self._deployments)]
            asked = rows[random.integers(0, len(rows), ROWS_PER_REQUEST)]
            self.answers.append(ask(self._platform, deployment, asked))


def ask(
    platform: Platform, deployment: str, rows: Rows, headers: Mapping[str, str] | None = None
) -> Answered:
    """One request, its headers read and its numbers compared with the version's own."""
    answer = platform.http.post(
        f"/v2/models/{deployment}/infer",
        json={"inputs": tensors(rows)},
        headers={"Authorization": f"Bearer {platform.endpoints.token}", **(headers or {})},
    )
    if answer.status_code != httpx.codes.OK:
        return Answered(deployment, answer.status_code, 0, "", 0, right=False, told=answer.text)
    version = int(answer.headers[Header.MODEL_VERSION])
    return Answered(
        deployment,
        answer.status_code,
        int(answer.headers[Header.DEPLOYMENT_REVISION]),
        answer.headers[Header.VARIANT],
        version,
        _right(version, rows, answer.json()),
        "",
    )


def _right(version: int, rows: Rows, told: Any) -> bool:
    expected = models()[version].answers(rows)
    (output,) = told["outputs"]
    return told["model_version"] == str(version) and np.allclose(
        np.asarray(output["data"]).reshape(-1), expected, rtol=_TOLERANCE
    )
