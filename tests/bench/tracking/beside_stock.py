"""A stock MLflow server and ours on the local cloud, filled alike and asked by turns.

Stock has four workers and SQLite, ours the Lambda environments that the local cloud starts and the emulator's
tables, all on this machine. Ratios are of medians, within one run. Of our search it is told what is the
handler's, and what the emulator's process works for it.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from infra.installation import Installation
from shelflife.tracking.dynamo_index import DynamoRunIndex
from shelflife.tracking.model import Segment
from shelflife.tracking.settings import TrackingSettings
from shelflife.tracking.wiring import _items
from tests.bench.measure import Figure, repeated
from tests.bench.serving.quiet import quiet
from tests.bench.tracking import asking
from tests.bench.tracking.asking import Server
from tests.bench.tracking.filling import filled
from tests.bench.tracking.own import searches
from tests.bench.tracking.tables import pointed_at
from tests.harness.stock import stock

_RUNS = int(os.environ.get("BENCH_TRACKED_RUNS", str(10_000)))
_TURNS = repeated(30)
_CLIENTS = 8
_CALLS = repeated(9)
Ask = Callable[[Server], Callable[[httpx.Client], httpx.Response]]
#: What is asked, at most how much of stock's time it may take, and whether of stock's better mode.
_ASKED: tuple[tuple[str, Ask, float], ...] = (
    ("create run", asking.create, 1.0),
    ("log-batch of 100 metrics", asking.log_batch, 1.0),
    ("get run with 100 metrics", asking.get_run, 1.0),
    ("get-history of 10,000 points", asking.get_history, 1 / 3),
    ("search, first 100", asking.search, 0.2),
)
_TOGETHER = 0.1
_STACK = "shelflife-local-tracking"


def run() -> list[Figure]:
    with stock_server() as theirs, ours() as our:
        # Ours first: while stock is filled, the emulator gets through the stream of its table.
        our.fill(_RUNS)
        theirs.fill(_RUNS)
        for server in (theirs, our.server):
            server.add_history()
        figures = [
            Figure("runs in the experiment", _RUNS, ""),
            Figure("the index was behind the last log by", our.wait_for_index(), "s"),
        ]
        for name, ask, budget in _ASKED:
            figures += _compared(name, ask, budget, theirs, our.server)
        figures += our.explained()
        figures += _together(theirs, our.server)
    return figures


def _together(theirs: Server, ours: Server) -> list[Figure]:
    taken = asking.together((theirs, ours), _CLIENTS, _CALLS)
    their, our = (statistics.median(took) for took in taken)
    name = f"search, {_CLIENTS} clients"
    return [
        Figure(f"{name}: stock", their * 1000, "ms", None, _CALLS * _CLIENTS),
        Figure(f"{name}: ours", our * 1000, "ms", None, _CALLS * _CLIENTS),
        Figure(f"{name}: ours of stock's", our / their, "", _TOGETHER),
    ]


def _compared(name: str, ask: Ask, budget: float, theirs: Server, ours: Server) -> Iterator[Figure]:
    """Both modes of both servers by turns; the ratio is that of their better modes."""
    taken: dict[tuple[str, bool], list[float]] = {}
    for turn in range(_TURNS + 1):
        for kept in (False, True):
            for who, server in (("stock", theirs), ("ours", ours)):
                took = server.seconds(ask(server), kept=kept)
                if turn:
                    taken.setdefault((who, kept), []).append(took)
    medians = {key: statistics.median(found) for key, found in taken.items()}
    for (who, kept), median in medians.items():
        mode = "kept" if kept else "new"
        yield Figure(f"{name}: {who}, {mode} connection", median * 1000, "ms", None, _TURNS)
    best = min(median for (who, _), median in medians.items() if who == "stock")
    ours_best = min(median for (who, _), median in medians.items() if who == "ours")
    yield Figure(f"{name}: ours of stock's", ours_best / best, "", budget)


@contextmanager
def stock_server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder, stock(Path(folder), workers=4) as url:
        server = Server(url)
        yield server
        server.close()


@dataclass(frozen=True, slots=True)
class Ours:
    """Ours on a local cloud; this process's handlers work on its tables, too."""

    server: Server
    installation: Installation

    def fill(self, runs: int) -> None:
        with quiet():
            self.server.experiment = filled(runs)

    def wait_for_index(self) -> float:
        """Seconds until all runs have their entries: until then searches look at the runs themselves."""
        index = DynamoRunIndex(_items())
        began = time.monotonic()
        while index.pending(Segment(self.server.experiment, 0)):
            time.sleep(1)
        return time.monotonic() - began

    def explained(self) -> list[Figure]:
        """What a search is made of: the handler's part, and the emulator's work for the whole."""
        with quiet():
            (own,) = searches([self.server.experiment], _TURNS)
        before = self._worked()
        for _ in range(_TURNS):
            self.server.seconds(asking.search(self.server), kept=True)
        worked = (self._worked() - before) / _TURNS
        told = "the emulator's processor time, gateway and tables"
        return [*own.figures("search"), Figure(f"search: {told}", worked * 1000, "ms", None, _TURNS)]

    def _worked(self) -> float:
        """Seconds that the emulator's process has worked so far, without the functions' processes."""
        told = Path(f"/proc/{self.installation.cloud.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def ours() -> Iterator[Ours]:
    with tempfile.TemporaryDirectory() as folder:
        installation = Installation(Path(folder), lambda _: None)
        try:
            endpoints = installation.start()
            server = Server(endpoints.api_url, {"Authorization": f"Bearer {endpoints.token}"})
            with pointed_at(installation.cloud):
                os.environ |= _settings(installation).to_env()
                yield Ours(server, installation)
            server.close()
        finally:
            installation.stop()


def _settings(installation: Installation) -> TrackingSettings:
    described = installation.account.client("cloudformation").describe_stack_resources(StackName=_STACK)
    (table,) = [
        found["PhysicalResourceId"]
        for found in described["StackResources"]
        if found["ResourceType"] == "AWS::DynamoDB::Table"
    ]
    return TrackingSettings(tracking_table_name=table, artifact_bucket_name="of-no-call-here")
