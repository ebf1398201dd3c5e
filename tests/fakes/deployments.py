"""Deployments, revisions and who is served, as tests need them."""

from datetime import UTC, datetime
from typing import Any

from shelflife.contracts.models import ModelVersionReference
from shelflife.serving.model import CapturePolicy, Change, Deployment, Revision, State
from shelflife.serving.served import Served
from shelflife.serving.traffic import LiveVariant, ShadowVariant, Traffic, TrafficRule, only
from tests.fakes.onnx_models import input_of, reference_of, summing

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BY_HAND = Change(changed_by="ada", reason="by hand")


def rule(*live: tuple[int, float], shadows: tuple[tuple[int, float], ...] = ()) -> TrafficRule:
    """Versions with their weights, and versions that shadow with their rates."""
    return TrafficRule(
        live=tuple(LiveVariant(name=f"v{version}", model_version=version, weight=of) for version, of in live),
        shadows=tuple(
            ShadowVariant(name=f"v{version}", model_version=version, sampling_rate=of)
            for version, of in shadows
        ),
    )


def revision(number: int, by: TrafficRule, name: str = "bikes", at: datetime = NOON) -> Revision:
    return Revision(
        deployment=name,
        revision=number,
        model_name="bikes",
        traffic=Traffic.of(by),
        activated_at=at,
        change=BY_HAND,
    )


def deployment(
    stable: ModelVersionReference, *, by: TrafficRule | None = None, rate: float = 1.0, **changes: Any
) -> Deployment:
    """A deployment `bikes` that is ready."""
    fields: dict[str, Any] = {
        "name": "bikes",
        "model_name": "bikes",
        "alias": "champion",
        "capture": CapturePolicy(sampling_rate=rate),
        "created_at": NOON,
        "created_by": "ada",
        "state": State.READY,
        "revision": 1,
        "traffic": Traffic.of(by or only(stable.version)),
        "stable": stable,
    }
    return Deployment.model_validate(fields | changes)


def served(reference: ModelVersionReference | None = None, **changes: Any) -> Served:
    """Version 1 of `bikes`, in revision 1."""
    fields: dict[str, Any] = {
        "deployment": "bikes",
        "revision": 1,
        "variant": "v1",
        "reference": reference or reference_of(*summing(input_of("x"))),
        "capture": CapturePolicy(),
        "shadows": (),
        "assigned": True,
    }
    return Served(**fields | changes)
