"""What a variant did lately, as its captures tell."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from shelflife.kernel.ids import Clock, Moment, Name
from shelflife.kernel.model import Model
from shelflife.serving.capture_ports import WatchedVariant, Windows
from shelflife.serving.errors import (
    DeploymentNotFoundError,
    DeploymentNotReadyError,
    InvalidRequestError,
    RevisionNotFoundError,
    RevisionVariantNotFoundError,
)
from shelflife.serving.figures import Figures, merged
from shelflife.serving.model import Revision, is_name
from shelflife.serving.ports import Deployments

LONGEST_STRETCH = timedelta(hours=24)
_USUAL_STRETCH = timedelta(hours=1)


class WindowsAsked(Model):
    """Which minutes of which variant: without a word, the last hour of the stable one as of now."""

    variant: Name | None = None
    revision: int | None = None
    since: Moment | None = None
    until: Moment | None = None


class Observed(NamedTuple):
    """Minutes of a variant that had requests, and all of them together."""

    watched: WatchedVariant
    since: datetime
    until: datetime
    total: Figures
    minutes: list[tuple[datetime, Figures]]


@dataclass(frozen=True, slots=True)
class Observations:
    deployments: Deployments
    windows: Windows
    now: Clock

    def find(self, name: str, asked: WindowsAsked) -> Observed:
        """The figures of one variant of one revision, minute by minute.

        Raises:
            DeploymentNotFoundError: there is no such deployment.
            DeploymentNotReadyError: it never answered, and no revision is named.
            RevisionNotFoundError: it has no such revision.
            RevisionVariantNotFoundError: the revision has no such variant.
            InvalidRequestError: the stretch ends before it begins, or is longer than a day.
        """
        until = asked.until or self.now()
        since = asked.since or until - _USUAL_STRETCH
        if not timedelta() <= until - since <= LONGEST_STRETCH:
            raise InvalidRequestError(
                "since", f"expected up to {LONGEST_STRETCH} before `until`, got {since}"
            )
        revision = self._revision(name, asked.revision)
        rule = revision.traffic.rule
        variant = asked.variant or rule.stable.name
        if rule.variant(variant) is None:
            raise RevisionVariantNotFoundError(name, revision.revision, variant)
        watched = WatchedVariant(name, revision.revision, variant)
        minutes = self.windows.minutes(watched, since, until)
        return Observed(watched, since, until, merged(figures for _, figures in minutes), minutes)

    def _revision(self, name: str, number: int | None) -> Revision:
        if not is_name(name):
            raise DeploymentNotFoundError(name)
        if number is None:
            deployment = self.deployments.find(name)
            if deployment is None:
                raise DeploymentNotFoundError(name)
            if deployment.traffic is None:
                raise DeploymentNotReadyError(name, deployment.reason or deployment.state.value)
            number = deployment.revision
        revision = self.deployments.revision(name, number)
        if revision is None:
            raise RevisionNotFoundError(name, number)
        return revision
