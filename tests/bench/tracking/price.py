"""A million calls and an idle month in USD, by AWS's public prices (us-east-1, x86, November 2026).

https://aws.amazon.com/dynamodb/pricing/on-demand/, …/lambda/pricing/, …/api-gateway/pricing/,
…/cloudwatch/pricing/ and …/ec2/pricing/on-demand/: first tier, without the free one, data transfer or
storage. Units are counted, a call's time is assumed: on a whole vCPU it is less.
"""

import json
from dataclasses import dataclass

from infra.installation import synthesized
from tests.bench.measure import Figure
from tests.bench.tracking.counts import Cost, costs
from tests.harness.templates import resources

MILLION = 1_000_000
_WRITE_UNIT = 0.625 / MILLION
_READ_UNIT = 0.125 / MILLION
_GB_SECOND = 0.0000166667
_LAMBDA_REQUEST = 0.20 / MILLION
_HTTP_API_REQUEST = 1.00 / MILLION
_ALARM_MONTH = 0.10
#: t3.medium, the least that a stock server with its four workers fits into, and 20 GB for its database.
_SERVER_HOUR, _DISK_MONTH, _HOURS_OF_MONTH = 0.0416, 20 * 0.08, 730
_MEMORY_GB = 1.0
_SECONDS = {"log-metric": 0.02, "log-batch of 100 metrics": 0.03}
#: A run that is logged to all the time is indexed about once a second.
_LOGS_PER_INDEXING = 10


@dataclass(frozen=True, slots=True)
class Priced:
    """USD for a million calls: where each is of another run, and where ten in a second are of one."""

    name: str
    alone: float
    together: float


def priced(cost: Cost) -> Priced:
    call = _units(cost.call.reads, cost.call.writes) + _run(_SECONDS[cost.name]) + _HTTP_API_REQUEST
    after = _units(cost.after.reads, cost.after.writes) + _run(_SECONDS[cost.name]) if cost.after else 0.0
    return Priced(cost.name, (call + after) * MILLION, (call + after / _LOGS_PER_INDEXING) * MILLION)


def server_month() -> float:
    """USD a month for a small server that is always on."""
    return _SERVER_HOUR * _HOURS_OF_MONTH + _DISK_MONTH


def idle_month() -> float:
    """USD a month for a stage that nobody uses: alarms; tables, functions and the API cost nothing then."""
    folder = synthesized("prod", lambda _: None)
    templates = (
        json.loads((folder / f"{name}.template.json").read_text())
        for name in json.loads((folder / "order.json").read_text())
    )
    alarms = sum(len(resources(template, "AWS::CloudWatch::Alarm")) for template in templates)
    return alarms * _ALARM_MONTH


def run() -> list[Figure]:
    found = [priced(cost) for cost in costs() if cost.name in _SECONDS]
    return [
        *(
            figure
            for one in found
            for figure in (
                Figure(f"a million calls, {one.name}, each of another run", one.alone, "USD"),
                Figure(f"a million calls, {one.name}, ten a second of one run", one.together, "USD"),
            )
        ),
        Figure("an idle month, the whole stage prod", idle_month(), "USD"),
        Figure("a month of a small server", server_month(), "USD"),
    ]


def _units(reads: float, writes: float) -> float:
    return reads * _READ_UNIT + writes * _WRITE_UNIT


def _run(seconds: float) -> float:
    return seconds * _MEMORY_GB * _GB_SECOND + _LAMBDA_REQUEST
