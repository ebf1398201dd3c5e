from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.moving.journal import Journal
from infra.moving.keeping import KeepingTarget
from infra.moving.mover import Moved, Mover
from infra.moving.plan import Choice, planned
from infra.moving.reader import Reader
from infra.moving.server import Server
from infra.moving.target import Target
from infra.moving.verification import Report, Verification
from shelflife.registry.settings import TABLE as REGISTRY
from shelflife.registry.settings import RegistrySettings
from shelflife.tracking.settings import TABLE as TRACKING
from shelflife.tracking.settings import TrackingSettings
from tests.fakes.mlflow_server import Network
from tests.harness.cloud import make_bucket, make_table
from tests.harness.doors_transport import API_URL, Doors
from tests.infra.moving.filled import filled

SOURCE_URL = "http://old.test"


class World:
    """A filled server, our own functions on an empty account, and the move from the one to the other."""

    def __init__(self, folder: Path) -> None:
        self.mlflow = filled()
        self.doors = Doors("tracking", "registry")
        self.source_network = Network(self.mlflow)
        self.target_network = Network(self.doors)
        self.folder = folder
        self.told: list[tuple[str, int]] = []

    def source(self) -> Reader:
        return Reader(Server(SOURCE_URL, transport=self.source_network, sleep=lambda _: None))

    def target(self, kind: Callable[[Server, Journal], Target] = KeepingTarget) -> Target:
        journal = Journal(self.folder / "a.journal", SOURCE_URL, API_URL)
        return kind(Server(API_URL, transport=self.target_network, sleep=lambda _: None), journal)

    def move(self, kind: Any = KeepingTarget, choice: Choice | None = None, workers: int = 2) -> Moved:
        source, target = self.source(), self.target(kind)
        plan = planned(source, choice or Choice())
        return Mover(source, target, target.journal, plan, workers, self._tell).run()

    def verify(self, kind: Any = KeepingTarget, choice: Choice | None = None) -> Report:
        source, target = self.source(), self.target(kind)
        plan = planned(source, choice or Choice())
        return Verification(source, target, target.journal, plan, 2, self._tell).run()

    def ask(self, path: str, **query: Any) -> Any:
        return Server(API_URL, transport=self.target_network).get(path, query)

    def _tell(self, what: str, more: int) -> None:
        self.told.append((what, more))


@pytest.fixture
def world(aws: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    tracking = TrackingSettings(
        tracking_table_name=make_table(TRACKING).table_name, artifact_bucket_name=make_bucket("artifacts")
    )
    registry = RegistrySettings(registry_table_name=make_table(REGISTRY).table_name)
    for name, value in (tracking.to_env() | registry.to_env()).items():
        monkeypatch.setenv(name, value)
    return World(tmp_path)
