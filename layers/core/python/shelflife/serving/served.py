"""Which model version answers a request to a deployment; rules are remembered for a few seconds."""

from collections.abc import Callable
from typing import NamedTuple

from shelflife.contracts.models import ModelVersionReference
from shelflife.kernel.errors import UnavailableError
from shelflife.serving.errors import (
    DeploymentNotFoundError,
    DeploymentNotReadyError,
    VariantNotFoundError,
    VersionNotServedError,
)
from shelflife.serving.model import CachePolicy, CapturePolicy, Deployment, is_name
from shelflife.serving.ports import Deployments, Versions
from shelflife.serving.traffic import SLOTS, Assignment, LiveVariant, ShadowVariant, slot_of

#: A change of the traffic, or a removal, is seen by every instance this much later at the most.
REMEMBERED_SECONDS = 5.0
_LONGEST_NUMBER = 8


class Routing(NamedTuple):
    """What a request says of who is to answer it.

    `key` always gets the same variant, as long as that keeps its share; `variant` and `version` name one,
    for tests: what they ask is not counted as the variant's traffic.
    """

    key: str | None = None
    variant: str | None = None
    version: str | None = None


#: A request that leaves it to the traffic rule.
EVERYBODY = Routing()


class Served(NamedTuple):
    """Who answers a request; `assigned` if the traffic rule said so, and not the request."""

    deployment: str
    revision: int
    variant: str
    reference: ModelVersionReference
    capture: CapturePolicy
    shadows: tuple[ShadowVariant, ...]
    assigned: bool
    cache: CachePolicy | None = None


class _Rule:
    """A deployment's rule as it was read; `served` grows as its variants are asked for."""

    __slots__ = ("assignment", "deployment", "served", "until")

    def __init__(self, deployment: Deployment, assignment: Assignment) -> None:
        self.deployment = deployment
        self.assignment = assignment
        self.served: dict[str, Served] = {}
        self.until = 0.0


class ServedModels:
    """Only what was found is remembered: a new deployment is seen at once.

    When the store does not answer, what was known last goes on; `stale_reads` counts how often.
    """

    def __init__(
        self,
        deployments: Deployments,
        versions: Versions,
        seconds: Callable[[], float],
        share: Callable[[], float],
    ) -> None:
        """Ask the stores; `seconds` is a clock, `share` a random number from 0 up to 1 for each request."""
        self._deployments = deployments
        self._versions = versions
        self._seconds = seconds
        self._share = share
        self._rules: dict[str, _Rule] = {}
        self._pinned: dict[tuple[str, str], tuple[float, Served]] = {}
        self._references: dict[tuple[str, int], ModelVersionReference] = {}
        self.stale_reads = 0

    def find(self, name: str, routing: Routing = EVERYBODY) -> Served:
        """Who answers this request.

        Raises:
            DeploymentNotFoundError: there is no such deployment.
            DeploymentNotReadyError: it answers nothing yet.
            VersionNotServedError: it never answered with the version that was named.
            VariantNotFoundError: it has no live variant of the name that was named.
        """
        rule = self._rules.get(name)
        if rule is None or self._seconds() >= rule.until:
            rule = self._refreshed(name, rule)
        if routing.version is not None:
            return self._of_version(rule, routing.version)
        if routing.variant is not None:
            return self._named(rule, routing.variant)
        slot = int(self._share() * SLOTS) if routing.key is None else slot_of(name, routing.key)
        variant = rule.assignment.at(slot)
        return rule.served.get(variant.name) or self._of_variant(rule, variant)

    def live(self, name: str) -> list[Served]:
        """Everybody who answers for the deployment now, the stable variant first.

        Raises:
            DeploymentNotFoundError: there is no such deployment.
            DeploymentNotReadyError: it answers nothing yet.
        """
        first = self.find(name)
        rule = self._rules[first.deployment]
        return [self._of_variant(rule, variant) for variant in rule.assignment.named.values()]

    def forget(self, name: str) -> None:
        """Read the deployment anew when it is asked for next."""
        self._rules.pop(name, None)

    def versions(self, served: Served) -> list[int]:
        """All versions that can be asked for."""
        return self._deployments.versions(served.deployment, served.reference.model_name)

    def _refreshed(self, name: str, known: _Rule | None) -> _Rule:
        # Counted from before the read: what is changed while a slow store answers is not seen any later.
        asked_at = self._seconds()
        try:
            deployment = self._deployments.find(name) if is_name(name) else None
        except UnavailableError:
            if known is None:
                raise
            self.stale_reads += 1
        else:
            known = self._read(name, deployment, known)
        known.until = asked_at + REMEMBERED_SECONDS
        return known

    def _read(self, name: str, deployment: Deployment | None, known: _Rule | None) -> _Rule:
        if deployment is None or deployment.traffic is None:
            self._rules.pop(name, None)
            if deployment is None:
                raise DeploymentNotFoundError(name)
            raise DeploymentNotReadyError(name, deployment.reason or deployment.state.value)
        if known is None or known.deployment != deployment:
            known = self._rules[name] = _Rule(deployment, Assignment(deployment.traffic))
        return known

    def _named(self, rule: _Rule, variant: str) -> Served:
        found = rule.assignment.named.get(variant)
        if found is None:
            raise VariantNotFoundError(rule.deployment.name, variant, list(rule.assignment.named))
        return self._of_variant(rule, found)._replace(assigned=False)

    def _of_variant(self, rule: _Rule, variant: LiveVariant) -> Served:
        deployment = rule.deployment
        served = Served(
            deployment=deployment.name,
            revision=deployment.revision,
            variant=variant.name,
            reference=self._reference(deployment, variant.model_version),
            capture=deployment.capture,
            shadows=deployment.traffic.rule.shadows if deployment.traffic else (),
            assigned=True,
            cache=deployment.cache,
        )
        rule.served[variant.name] = served
        return served

    def _reference(self, deployment: Deployment, version: int) -> ModelVersionReference:
        stable = deployment.stable
        if stable is not None and stable.version == version:
            return stable
        key = (deployment.model_name, version)
        found = self._references.get(key)
        if found is None:
            known = self._versions.find(*key)
            if known is None:
                raise DeploymentNotReadyError(deployment.name, f"version {version} is not known any more")
            found = self._references[key] = known.reference
        return found

    def _of_version(self, rule: _Rule, version: str) -> Served:
        key = (rule.deployment.name, version)
        until, served = self._pinned.get(key, (0.0, None))
        now = self._seconds()
        if served is None or now >= until:
            served = self._pin(rule.deployment, version)
            self._pinned[key] = (now + REMEMBERED_SECONDS, served)
        return served

    def _pin(self, deployment: Deployment, version: str) -> Served:
        known = version.isascii() and version.isdecimal() and len(version) <= _LONGEST_NUMBER
        revision = (
            self._deployments.revision_with(deployment.name, deployment.model_name, int(version))
            if known
            else None
        )
        if revision is None:
            raise VersionNotServedError(deployment.name, version)
        number = int(version)
        variants = revision.traffic.rule.live
        return Served(
            deployment=deployment.name,
            revision=revision.revision,
            variant=next(variant.name for variant in variants if variant.model_version == number),
            reference=self._reference(deployment, number),
            capture=deployment.capture,
            shadows=(),
            assigned=False,
            cache=deployment.cache,
        )
