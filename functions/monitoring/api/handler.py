"""HTTP: monitors, labels and drift reports."""

from http import HTTPStatus

from pydantic import Field

from shelflife.contracts.monitoring import Label
from shelflife.entry.http import Answer, Call, HttpDoor
from shelflife.kernel.model import Model
from shelflife.kernel.names import Context
from shelflife.monitoring.model import Monitor
from shelflife.monitoring.objects import HTML
from shelflife.monitoring.policy import Policy
from shelflife.monitoring.service import LINK_SECONDS
from shelflife.monitoring.wiring import monitoring

door = HttpDoor(Context.MONITORING)
handler = door.handle

#: A report's page shows names that callers chose: nothing in it may run or load anything.
_CLOSED = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}


class LabelsRequest(Model):
    labels: tuple[Label, ...] = Field(min_length=1, max_length=10_000)


@door.get("/v1/monitoring/monitors")
def list_monitors(call: Call[None]) -> dict[str, object]:
    page = monitoring().page(*call.page())
    return {"monitors": [_shown(monitor) for monitor in page.items], "next_cursor": page.next_cursor}


@door.get("/v1/monitoring/monitors/<deployment>")
def get_monitor(call: Call[None], deployment: str) -> dict[str, object]:  # noqa: ARG001 - every route takes its call
    return _shown(monitoring().find(deployment))


@door.put("/v1/monitoring/monitors/<deployment>", body=Policy)
def set_policy(call: Call[Policy], deployment: str) -> dict[str, object]:
    """Put the whole policy; what is left out has its default."""
    return _shown(monitoring().set_policy(deployment, call.body))


@door.delete("/v1/monitoring/monitors/<deployment>")
def stop(call: Call[None], deployment: str) -> Answer:  # noqa: ARG001 - every route takes its call
    monitoring().stop(deployment)
    return Answer(status=HTTPStatus.NO_CONTENT)


@door.post("/v1/monitoring/deployments/<deployment>/labels", body=LabelsRequest)
def add_labels(call: Call[LabelsRequest], deployment: str) -> Answer:
    """Take the truth of captured requests; of a capture that is labelled again, the last label counts."""
    batch = monitoring().add_labels(deployment, call.body.labels)
    told = {"batch_id": batch.batch_id, "accepted": len(batch.labels)}
    return Answer(told, HTTPStatus.ACCEPTED)


@door.get("/v1/monitoring/deployments/<deployment>/reports")
def list_reports(call: Call[None], deployment: str) -> dict[str, object]:
    page = monitoring().list_reports(deployment, *call.page())
    reports = [record.model_dump(mode="json") for record in page.items]
    return {"reports": reports, "next_cursor": page.next_cursor}


@door.get("/v1/monitoring/deployments/<deployment>/reports/<report_id>")
def get_report(call: Call[None], deployment: str, report_id: str) -> dict[str, object]:  # noqa: ARG001 - every route takes its call
    report, link = monitoring().report(deployment, report_id)
    return report.model_dump(mode="json") | {"html_url": link, "html_url_seconds": LINK_SECONDS}


@door.get("/v1/monitoring/deployments/<deployment>/reports/<report_id>/html")
def get_report_page(call: Call[None], deployment: str, report_id: str) -> Answer:  # noqa: ARG001 - every route takes its call
    page = monitoring().report_page(deployment, report_id)
    return Answer(page, headers=_CLOSED, content_type=HTML)


def _shown(monitor: Monitor) -> dict[str, object]:
    """A monitor for people: which version it watches, not all of the version."""
    watched = monitor.watched
    return {
        "deployment": watched.deployment,
        "revision": watched.revision,
        "model_name": watched.serving.model_name,
        "model_version": watched.serving.version,
        "activated_at": watched.activated_at.isoformat(),
        "policy": monitor.policy.model_dump(mode="json"),
        "last_scan": _dumped(monitor.last_scan),
        "announced": _dumped(monitor.announced),
    }


def _dumped(part: Model | None) -> dict[str, object] | None:
    return part.model_dump(mode="json") if part else None
