"""The Open Inference Protocol's model repository: which deployments there are, and what this instance holds.

Models are what the registry says, so nothing is uploaded here: `load` reads the deployment's models anew into
the instance that is asked, `unload` lets it forget them until they are asked for again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shelflife.serving.errors import InvalidRequestError
from shelflife.serving.model import Deployment
from shelflife.serving.oip import read_json
from shelflife.serving.ports import Deployments, ModelCache
from shelflife.serving.served import ServedModels
from shelflife.serving.wording import listed, shown

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Repository:
    deployments: Deployments
    served: ServedModels
    models: ModelCache

    def index(self, raw: bytes) -> list[dict[str, str]]:
        """Every version that answers, by deployment; and unless `ready` is asked for, what answers nothing.

        Raises:
            InvalidRequestError: the body is no request.
        """
        ready = (read_json(raw) if raw else {}).get("ready", False)
        if type(ready) is not bool:
            raise InvalidRequestError("ready", f"expected true or false, got {shown(ready)}")
        return [
            entry
            for deployment in self._all()
            for entry in _entries(deployment)
            if not ready or entry["state"] == "READY"
        ]

    def load(self, name: str, raw: bytes) -> dict[str, Any]:
        """Read the deployment and its models anew into this instance.

        Raises:
            InvalidRequestError: the request wants a model of its own.
            DeploymentNotFoundError: there is no such deployment.
            UnavailableError: it serves nothing, or a model cannot serve, and why.
        """
        given = _parameters(raw)
        if given:
            raise InvalidRequestError(
                "parameters", f"{listed(given)} cannot be given: a deployment answers with registered models"
            )
        self._forget(name)
        for one in self.served.live(name):
            self.models.load(one.reference)
        return {"name": name, "load": True}

    def unload(self, name: str, raw: bytes) -> dict[str, Any]:
        """Let this instance forget the deployment's models; the next request loads them again.

        Raises:
            DeploymentNotFoundError: there is no such deployment.
            UnavailableError: it serves nothing.
        """
        _parameters(raw)
        self._forget(name)
        return {"name": name, "unload": True}

    def _forget(self, name: str) -> None:
        self.served.forget(name)
        for one in self.served.live(name):
            self.models.unload(one.reference.candidate.model.sha256)

    def _all(self) -> Iterator[Deployment]:
        page = self.deployments.page(_PAGE, None)
        yield from page.items
        while page.next_cursor:
            page = self.deployments.page(_PAGE, page.next_cursor)
            yield from page.items


def _parameters(raw: bytes) -> dict[str, Any]:
    found = (read_json(raw) if raw else {}).get("parameters") or {}
    if type(found) is not dict:
        raise InvalidRequestError("parameters", f"expected an object, got {shown(found)}")
    return found


def _entries(deployment: Deployment) -> list[dict[str, str]]:
    if deployment.traffic is None:
        reason = deployment.reason or deployment.state.value
        return [{"name": deployment.name, "version": "", "state": "UNAVAILABLE", "reason": reason}]
    versions = dict.fromkeys(variant.model_version for variant in deployment.traffic.rule.live)
    return [
        {"name": deployment.name, "version": str(version), "state": "READY", "reason": ""}
        for version in versions
    ]
