"""The deployment `bikes` in moto's cloud: what serving and training leave there for monitoring."""

from datetime import datetime, timedelta

import pytest

from functions.monitoring.follow_deployment.handler import handler as follow_deployment
from shelflife.aws.clients import client
from shelflife.aws.items import Items
from shelflife.contracts.serving import HOUR_FOLDER, PROFILES_PREFIX, DeploymentActivated
from shelflife.kernel.ids import utc_now
from shelflife.monitoring.model import Watched
from shelflife.monitoring.settings import TABLE, MonitoringSettings
from tests.fakes.monitored import BASELINE_BODY, HOUR, captured, rows, watched
from tests.harness.cloud import make_bucket, make_table
from tests.harness.events import LambdaContext, golden


def install(monkeypatch: pytest.MonkeyPatch) -> Items:
    """An empty installation with the baseline of `watched()`; the context's table."""
    table = make_table(TABLE)
    settings = MonitoringSettings(
        monitoring_table_name=table.table_name,
        artifact_bucket_name=make_bucket("artifacts"),
        capture_bucket_name=make_bucket("captures"),
    )
    for name, value in settings.to_env().items():
        monkeypatch.setenv(name, value)
    client("s3").put_object(Bucket="artifacts", Key="training/job-1/baseline.json", Body=BASELINE_BODY)
    return table


def activate(seen: Watched | None = None, event_id: str = "e1") -> Watched:
    """Tell monitoring of an activation, three hours ago unless `seen` says otherwise."""
    seen = seen or watched(1, utc_now() - 3 * HOUR)
    told = DeploymentActivated(
        event_id=event_id,
        happened_at=seen.activated_at,
        deployment=seen.deployment,
        revision=seen.revision,
        serving=seen.serving,
    )
    follow_deployment(
        golden("monitoring/follow_deployment") | {"detail": told.model_dump(mode="json")}, LambdaContext()
    )
    return seen


def capture(
    size: int,
    *,
    warmer: float = 0.0,
    deployment: str = "bikes",
    at: datetime | None = None,
    revision: int = 1,
) -> None:
    """Leave the profile of a batch that arrived two hours ago, unless `at` says otherwise."""
    at = at or utc_now() - 2 * HOUR
    profile = captured(
        rows(size, warmer=warmer, seed=size),
        at - timedelta(minutes=2),
        revision=revision,
        deployment=deployment,
    )
    key = f"{PROFILES_PREFIX.format(deployment=deployment)}{at.strftime(HOUR_FOLDER)}b{size}.json"
    client("s3").put_object(Bucket="captures", Key=key, Body=profile.model_dump_json().encode())
