"""Servers of models, with one client and eight, beside `serving/predict` in an environment per client.

Each on its own protocol with the same 200 trees. Clients and servers share this machine's cores.
"""

import json
import statistics
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from tests.bench.measure import Figure, repeated
from tests.bench.serving.asking import SPEAKS_BINARY, as_binary, as_matrix, event
from tests.bench.serving.cloud import UNCAPTURED, Cloud, cloud
from tests.bench.serving.load import Exchange, HttpExchange, Load, closed_loop
from tests.bench.serving.models import model
from tests.bench.serving.places import built
from tests.bench.serving.quiet import quiet
from tests.bench.serving.runtime import ours
from tests.bench.serving.runtime_api import Environment, environment
from tests.bench.serving.servers import Peer, Server, ServerNeverAnsweredError, resident_mb, started
from tests.bench.serving.the_peers import all_peers

_OURS = "shelflife, through awslambdaric"
_ROUNDS = repeated(6)
_SECONDS = 0.5
_MANY = 8
_FASTER_THAN_THE_SEED = 3.0
_OVER_MLSERVER = 2.0
_COUNTS = (1_000, 10_000)


@dataclass(slots=True)
class Contender:
    """A server with one connection and with eight; a function has an environment for each."""

    name: str
    clients: Sequence[Exchange]
    memory_mb: Callable[[], float]
    alone: list[Load] = field(default_factory=list)
    together: list[Load] = field(default_factory=list)

    def measure(self) -> None:
        self.alone.append(closed_loop(self.clients[:1], _SECONDS))
        self.together.append(closed_loop(self.clients, _SECONDS))

    def figures(self) -> list[Figure]:
        alone, together = _usual(self.alone), _usual(self.together)
        return [
            Figure(f"{self.name}: p50", alone.p50 * 1e6, "µs", runs=_ROUNDS),
            Figure(f"{self.name}: p95", alone.p95 * 1e6, "µs", runs=_ROUNDS),
            Figure(f"{self.name}: {_MANY} clients, p50", together.p50 * 1e6, "µs", runs=_ROUNDS),
            Figure(f"{self.name}: {_MANY} clients", together.per_second, "requests/s", runs=_ROUNDS),
            Figure(f"{self.name}: memory", self.memory_mb(), "MB"),
        ]


def run() -> list[Figure]:
    built()
    trees = model("trees")
    with quiet(), cloud(trees) as behind:
        return [*_one_row(behind), *(_many_rows(behind) if SPEAKS_BINARY else ())]


def _one_row(behind: Cloud) -> list[Figure]:
    with ExitStack() as stack:
        told = json.dumps(event("trees", as_matrix(model("trees"), 1))).encode()
        mine = _ours(stack, behind, told, _MANY)
        others = [found for peer in all_peers() if (found := _contender(stack, peer))]
        for _ in range(_ROUNDS):
            for contender in (mine, *others):
                contender.measure()
        figures = [figure for contender in (mine, *others) for figure in contender.figures()]
        return [*figures, *(_compared(mine, other) for other in others)]


def _compared(mine: Contender, other: Contender) -> Figure:
    """By turns, so that both had the same machine."""
    pairs = zip(mine.alone, other.alone, strict=True)
    ratio = statistics.median(one.p50 / its.p50 for one, its in pairs)
    budget = 1 / _FASTER_THAN_THE_SEED if other.name == "FastAPI and joblib" else 1.0
    return Figure(f"shelflife, as a share of {other.name}", ratio, "x", budget, _ROUNDS)


def _many_rows(behind: Cloud) -> list[Figure]:
    """Binary tensors through the Runtime API, beside MLServer's JSON."""
    figures = []
    for count in _COUNTS:
        with ExitStack() as stack:
            peer = next((one for one in all_peers(count) if one.name == "MLServer"), None)
            other = _contender(stack, peer, 1) if peer else None
            if other is None:
                continue
            told = json.dumps(event(f"trees{UNCAPTURED}", *as_binary(model("trees"), count))).encode()
            mine = _ours(stack, behind, told, 1)
            loads = [[closed_loop(one.clients, _SECONDS) for one in (mine, other)] for _ in range(_ROUNDS)]
        ratio = statistics.median(load[0].p50 / load[1].p50 for load in loads)
        per_second = [count / _usual([load[at] for load in loads]).p50 for at in range(2)]
        figures += [
            Figure(f"{count} rows, binary, through awslambdaric", per_second[0], "rows/s", runs=_ROUNDS),
            Figure(f"{count} rows, JSON, MLServer", per_second[1], "rows/s", runs=_ROUNDS),
            Figure("  time, as a share of MLServer's", ratio, "x", 1 / _OVER_MLSERVER, _ROUNDS),
        ]
    return figures


def _ours(stack: ExitStack, behind: Cloud, told: bytes, environments: int) -> Contender:
    path, environ = ours(behind)
    started_ones: list[Environment] = []
    for _ in range(environments):
        one = stack.enter_context(environment("stubbed.handler", path, environ))
        answer = json.loads(one.invoke(told))
        if answer["statusCode"] != 200:
            raise RuntimeError(answer["body"])
        started_ones.append(one)
    return Contender(_OURS, started_ones, lambda: sum(resident_mb(one.process.pid) for one in started_ones))


def _contender(stack: ExitStack, peer: Peer, clients: int = _MANY) -> Contender | None:
    try:
        server: Server = stack.enter_context(started(peer))
    except ServerNeverAnsweredError as error:
        sys.stderr.write(f"  left out: {error}\n")
        return None
    exchanges = [HttpExchange(server.port, peer.path, peer.body, peer.headers) for _ in range(clients)]
    for exchange in exchanges:
        stack.callback(exchange.close)
    return Contender(peer.name, exchanges, lambda: resident_mb(server.process.pid))


def _usual(loads: Sequence[Load]) -> Load:
    """The round in the middle."""
    return sorted(loads, key=lambda load: load.p50)[len(loads) // 2]
