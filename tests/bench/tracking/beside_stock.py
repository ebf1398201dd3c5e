"""A stock MLflow server and ours on the local cloud, filled alike and asked by turns.

Stock has four workers and SQLite, ours one Lambda environment per function and the emulator's tables, all on
this machine. Ratios are of medians, within one run.
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
from shelflife.aws.items import Items
from shelflife.tracking.dynamo_index import DynamoRunIndex
from shelflife.tracking.model import Segment
from tests.bench.measure import Figure, repeated
from tests.bench.tracking import asking
from tests.bench.tracking.asking import Server
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
    with _stock() as theirs, _ours() as ours:
        for server in (theirs, ours.server):
            server.fill(_RUNS)
        behind = ours.wait_for_index()
        figures = [
            Figure("runs in the experiment", _RUNS, ""),
            Figure("the index was behind the last log by", behind, "s"),
        ]
        for name, ask, budget in _ASKED:
            figures += _compared(name, ask, budget, theirs, ours.server)
        taken = asking.together((theirs, ours.server), _CLIENTS, _CALLS)
        their, our = (statistics.median(took) for took in taken)
        figures += [
            Figure(f"search, {_CLIENTS} clients: stock", their * 1000, "ms", None, _CALLS),
            Figure(f"search, {_CLIENTS} clients: ours", our * 1000, "ms", None, _CALLS),
            Figure(f"search, {_CLIENTS} clients: ours of stock's", our / their, "", _TOGETHER),
        ]
    return figures


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
def _stock() -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as folder, stock(Path(folder), workers=4) as url:
        server = Server(url)
        yield server
        server.close()


@dataclass(frozen=True, slots=True)
class _Ours:
    server: Server
    installation: Installation

    def wait_for_index(self) -> float:
        """Seconds until all runs have their entries: until then searches look at the runs themselves."""
        account = self.installation.account
        described = account.client("cloudformation").describe_stack_resources(StackName=_STACK)
        (table,) = [
            found["PhysicalResourceId"]
            for found in described["StackResources"]
            if found["ResourceType"] == "AWS::DynamoDB::Table"
        ]
        index = DynamoRunIndex(Items(account.client("dynamodb"), table))
        began = time.monotonic()
        while index.pending(Segment(self.server.experiment, 0)):
            time.sleep(1)
        return time.monotonic() - began


@contextmanager
def _ours() -> Iterator[_Ours]:
    with tempfile.TemporaryDirectory() as folder:
        installation = Installation(Path(folder), lambda _: None)
        try:
            endpoints = installation.start()
            server = Server(endpoints.api_url, {"Authorization": f"Bearer {endpoints.token}"})
            yield _Ours(server, installation)
            server.close()
        finally:
            installation.stop()
