"""Which model version answers for a deployment now; remembered for a few seconds."""

from collections.abc import Callable
from typing import NamedTuple

from shelflife.contracts.models import ModelVersionReference
from shelflife.serving.errors import DeploymentNotFoundError, DeploymentNotReadyError, VersionNotServedError
from shelflife.serving.model import CapturePolicy, Deployment, is_name
from shelflife.serving.ports import Deployments

#: An activation or removal is seen this much later at the most.
REMEMBERED_SECONDS = 5.0
_LONGEST_NUMBER = 9


class Served(NamedTuple):
    deployment: str
    reference: ModelVersionReference
    revision: int
    capture: CapturePolicy


class ServedModels:
    """Only what was found is remembered: a new deployment is seen at once."""

    def __init__(self, deployments: Deployments, seconds: Callable[[], float]) -> None:
        self._deployments = deployments
        self._seconds = seconds
        self._kept: dict[tuple[str, str | None], tuple[float, Served]] = {}

    def find(self, name: str, version: str | None = None) -> Served:
        """What the deployment serves now, or a version of its model that it ever served.

        Raises:
            DeploymentNotFoundError: there is no such deployment.
            DeploymentNotReadyError: it serves nothing yet.
            VersionNotServedError: it never served that version.
        """
        now = self._seconds()
        kept = self._kept.get((name, version))
        if kept is not None and now < kept[0]:
            return kept[1]
        self._kept.pop((name, version), None)
        found = self._read(name, version)
        self._kept[name, version] = (now + REMEMBERED_SECONDS, found)
        return found

    def versions(self, served: Served) -> list[int]:
        """All versions that can be asked for."""
        return self._deployments.versions(served.deployment, served.reference.model_name)

    def _read(self, name: str, version: str | None) -> Served:
        deployment = self._deployments.find(name) if is_name(name) else None
        if deployment is None:
            raise DeploymentNotFoundError(name)
        if deployment.serving is None:
            raise DeploymentNotReadyError(name, deployment.reason or deployment.state.value)
        if version is None:
            return Served(name, deployment.serving, deployment.revision, deployment.capture)
        return self._version(deployment, version)

    def _version(self, deployment: Deployment, version: str) -> Served:
        known = version.isascii() and version.isdecimal() and len(version) <= _LONGEST_NUMBER
        revision = (
            self._deployments.serving_version(deployment.name, deployment.model_name, int(version))
            if known
            else None
        )
        if revision is None:
            raise VersionNotServedError(deployment.name, version)
        return Served(deployment.name, revision.serving, revision.revision, deployment.capture)
