import json
from typing import Any

import pytest

from shelflife.aws.clients import client
from shelflife.aws.objects import Objects
from shelflife.monitoring.objects import S3Labels, S3Reports
from shelflife.monitoring.ports import Reports
from tests.fakes.monitored import NOON, told
from tests.fakes.monitoring import MemoryReports
from tests.harness.cloud import make_bucket
from tests.unit.monitoring.test_page import report


@pytest.fixture(params=["memory", "s3"])
def reports(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryReports()
    request.getfixturevalue("aws")
    return S3Reports(Objects(client("s3")), make_bucket("artifacts"))


def test_a_report_and_its_page_come_back_as_they_were(reports: Reports) -> None:
    uri, html_uri = reports.write(report(), "<p>±</p>")
    assert reports.read(uri) == report()
    assert reports.read_html(html_uri) == "<p>±</p>"
    assert (uri.rpartition("/")[2], html_uri.rpartition("/")[2]) == ("r1.json", "r1.html")


def test_a_page_can_be_linked_to(aws: None) -> None:
    reports = S3Reports(Objects(client("s3")), make_bucket("artifacts"))
    _, html_uri = reports.write(report(), "<p/>")
    assert "reports/bikes/r1.html?" in reports.link(html_uri, 60)
    head = client("s3").head_object(Bucket="artifacts", Key="reports/bikes/r1.html")
    assert head["ContentType"] == "text/html; charset=utf-8"


def test_labels_lie_below_their_hour(aws: None) -> None:
    labels = S3Labels(Objects(client("s3")), make_bucket("captures"))
    for _ in range(2):
        labels.add(told("0001", NOON, a=(1.5, 2)))
    [uri] = labels.objects.keys("s3://captures/labels/")
    assert uri == "s3://captures/labels/bikes/2026/11/20/12/0001.json"
    assert json.loads(labels.objects.read(uri))["labels"] == [{"capture_id": "a", "values": [1.5, 2]}]
