from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from shelflife.contracts.data import ColumnKind, DatasetManifest
from shelflife.data.duck import DuckReader
from shelflife.data.errors import (
    DatasetColumnNotFoundError,
    DatasetNotFoundError,
    DatasetVersionNotFoundError,
    IngestionNotFoundError,
    UploadMissingError,
    UploadNotFoundError,
    VersionNumberError,
    VersionRacedError,
    VersionTakenError,
)
from shelflife.data.failures import IngestionFailures, reason_of
from shelflife.data.ingest import ATTEMPTS, Ingest
from shelflife.data.model import DatasetVersion, FileFormat, Ingestion, IngestionState, Upload
from shelflife.data.service import Datasets
from tests.fakes.data import (
    MemoryExecutions,
    MemoryIngestions,
    MemoryUploads,
    MemoryVersionFiles,
    MemoryVersions,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ONE = b"a,b\n1,x\n2,y\n"
TWO = b"a,b\n3,x\n4,y\n"


@dataclass
class World:
    ingestions: MemoryIngestions = field(default_factory=MemoryIngestions)
    versions: MemoryVersions = field(default_factory=MemoryVersions)
    uploads: MemoryUploads = field(default_factory=MemoryUploads)
    files: MemoryVersionFiles = field(default_factory=MemoryVersionFiles)
    executions: MemoryExecutions = field(default_factory=MemoryExecutions)

    def __post_init__(self) -> None:
        ids, ticks = count(1), count()
        self.datasets = Datasets(
            ingestions=self.ingestions,
            versions=self.versions,
            uploads=self.uploads,
            files=self.files,
            executions=self.executions,
            now=lambda: NOON + timedelta(minutes=next(ticks)),
            new_id=lambda: f"u{next(ids)}",
        )
        self.ingest = Ingest(
            ingestions=self.ingestions,
            versions=self.versions,
            uploads=self.uploads,
            files=self.files,
            reader=DuckReader(),
            now=lambda: NOON + timedelta(minutes=next(ticks)),
        )

    def uploaded(self, body: bytes) -> Upload:
        upload, _ = self.datasets.open_upload("bikes", FileFormat.CSV, "as uploaded", by="ada")
        self.uploads.send(upload, body)
        return upload

    def started(self, body: bytes, **kinds: ColumnKind) -> Ingestion:
        upload = self.uploaded(body)
        return self.datasets.ingest("bikes", upload.upload_id, kinds=kinds, description=None, by="ada")

    def ingested(self, body: bytes, **kinds: ColumnKind) -> Ingestion:
        return self.ingest.run("bikes", self.started(body, **kinds).ingestion_id)


@pytest.fixture
def world() -> World:
    return World()


def test_an_upload_becomes_a_version(world: World) -> None:
    ended = world.ingested(ONE)
    assert (ended.state, ended.version, ended.problem) == (IngestionState.SUCCEEDED, 1, None)
    version, manifest = world.datasets.version("bikes", "latest")
    assert (version.version, version.description, manifest.row_count) == (1, "as uploaded", 2)
    assert manifest.created_by == "ada"
    assert [column.kind for column in manifest.columns] == ["number", "text"]
    assert world.files.objects[manifest.source.uri] == ONE
    assert world.datasets.dataset("bikes").latest_version == 1


def test_the_same_bytes_are_the_same_version(world: World) -> None:
    assert [world.ingested(body).version for body in (ONE, TWO, ONE)] == [1, 2, 1]
    assert [version.version for version in world.datasets.version_page("bikes", 10, None).items] == [2, 1]


def test_the_same_bytes_read_as_other_kinds_are_another_version(world: World) -> None:
    assert world.ingested(ONE).version == 1
    assert world.ingested(ONE, a=ColumnKind.TEXT).version == 2
    assert world.ingested(ONE, a=ColumnKind.NUMBER).version == 1


def test_an_ingestion_runs_once(world: World) -> None:
    started = world.started(ONE)
    ended = world.ingest.run("bikes", started.ingestion_id)
    assert world.ingest.run("bikes", started.ingestion_id) == ended
    assert world.versions.last_number("bikes") == 1


def test_a_bad_file_is_an_outcome_and_takes_no_number(world: World) -> None:
    ended = world.ingested(b"a,b\n1\n")
    assert ended.state is IngestionState.FAILED
    assert ended.problem is not None
    assert (ended.problem.error, ended.problem.refused) == ("RaggedRowError", True)
    assert ended.problem.faults[0].message == "line 2 has 1 values, the header has 2 columns"
    assert world.versions.last_number("bikes") == 0
    assert world.files.objects == {}


def test_a_file_that_is_too_large_is_an_outcome(world: World) -> None:
    ended = world.ingested(b"a\n" + b"1\n" * 10**6)
    assert ended.problem is not None
    assert ended.problem.error == "FileTooLargeError"


class CutOffError(Exception):
    pass


class CutOff(MemoryVersionFiles):
    """Writes some objects, then the process is gone."""

    def __init__(self, writes: int) -> None:
        super().__init__()
        self.writes = writes

    def keep(self, *asked: Any) -> Any:
        self._spend()
        return super().keep(*asked)

    def publish(self, manifest: DatasetManifest) -> DatasetManifest:
        self._spend()
        return super().publish(manifest)

    def _spend(self) -> None:
        if self.writes == 0:
            raise CutOffError
        self.writes -= 1


@pytest.mark.parametrize("writes", range(4))
def test_an_ingestion_that_was_cut_off_is_run_again(world: World, writes: int) -> None:
    started = world.started(ONE)
    files = CutOff(writes)
    with pytest.raises(CutOffError):
        replace(world.ingest, files=files).run("bikes", started.ingestion_id)
    with pytest.raises(DatasetNotFoundError):
        world.datasets.version("bikes", "latest")
    files.writes = 100
    ended = replace(world.ingest, files=files).run("bikes", started.ingestion_id)
    assert (ended.state, ended.version) == (IngestionState.SUCCEEDED, 1)
    assert len(files.objects) == 4
    assert files.manifest("bikes", 1).rows.sha256


def test_an_abandoned_version_is_finished_by_the_next_upload_of_its_bytes(world: World) -> None:
    with pytest.raises(CutOffError):
        replace(world.ingest, files=CutOff(1)).run("bikes", world.started(ONE).ingestion_id)
    assert world.ingested(TWO).version == 2
    assert world.ingested(ONE).version == 1
    assert world.datasets.dataset("bikes").latest_version == 2


class Raced(MemoryVersions):
    """Others take the next numbers just before it is claimed."""

    def __init__(self, others: int) -> None:
        super().__init__()
        self.others = others

    def claim(self, version: DatasetVersion) -> None:
        if self.others:
            self.others -= 1
            super().claim(version.model_copy(update={"content": f"{self.others:064x}"}))
            raise VersionTakenError(version.name, version.version)
        super().claim(version)


def test_raced_ingestions_get_different_numbers(world: World) -> None:
    ended = replace(world.ingest, versions=Raced(3)).run("bikes", world.started(ONE).ingestion_id)
    assert ended.version == 4


def test_a_race_that_is_never_won_is_left_to_the_workflow(world: World) -> None:
    started = world.started(ONE)
    with pytest.raises(VersionRacedError):
        replace(world.ingest, versions=Raced(ATTEMPTS)).run("bikes", started.ingestion_id)
    assert world.ingest.run("bikes", started.ingestion_id).version == 1


def test_starting_twice_starts_once(world: World) -> None:
    upload = world.uploaded(ONE)
    first, second = (
        world.datasets.ingest("bikes", upload.upload_id, kinds={}, description=None, by=who)
        for who in ("ada", "bob")
    )
    assert first == second
    assert world.executions.started == [first.ingestion_id] == [upload.upload_id]


def test_a_start_that_was_cut_off_is_made_up_for(world: World) -> None:
    started = world.started(ONE)
    world.executions.started.clear()
    world.datasets.ingest("bikes", started.upload.upload_id, kinds={}, description=None, by="ada")
    assert world.executions.started == [started.ingestion_id]


def test_an_upload_can_be_read_again_as_other_kinds(world: World) -> None:
    refused = world.ingested(b"x\n" + b"1\n" * 10 + b"?\n")
    assert refused.state is IngestionState.FAILED
    again = world.datasets.ingest(
        "bikes", refused.upload.upload_id, kinds={"x": ColumnKind.TEXT}, description="text", by="ada"
    )
    assert again.ingestion_id.startswith(f"{refused.upload.upload_id}-")
    assert world.ingest.run("bikes", again.ingestion_id).version == 1
    assert world.datasets.version("bikes", "1")[0].description == "text"


def test_what_is_not_there_is_named(world: World) -> None:
    with pytest.raises(UploadNotFoundError, match="'u9'"):
        world.datasets.ingest("bikes", "u9", kinds={}, description=None, by="ada")
    upload, _ = world.datasets.open_upload("bikes", FileFormat.CSV, "", by="ada")
    with pytest.raises(UploadMissingError, match=upload.upload_id):
        world.datasets.ingest("bikes", upload.upload_id, kinds={}, description=None, by="ada")
    with pytest.raises(IngestionNotFoundError, match="'i9'"):
        world.datasets.ingestion("bikes", "i9")
    with pytest.raises(IngestionNotFoundError, match="'i9'"):
        world.ingest.run("bikes", "i9")
    with pytest.raises(DatasetNotFoundError, match="'boats'"):
        world.datasets.dataset("boats")
    world.ingested(ONE)
    with pytest.raises(DatasetVersionNotFoundError, match="7"):
        world.datasets.version("bikes", "7")
    with pytest.raises(VersionNumberError, match="'newest'"):
        world.datasets.version("bikes", "newest")
    with pytest.raises(DatasetColumnNotFoundError, match="'z'"):
        world.datasets.profile("bikes", "1", ["z"])


def test_a_crash_leaves_a_reason(world: World) -> None:
    started = world.started(ONE)
    failures = IngestionFailures(world.ingestions, now=lambda: NOON)
    ended = failures.record("bikes", started.ingestion_id, "KeyError", '{"errorMessage": "\'x\'"}')
    assert ended.state is IngestionState.FAILED
    assert ended.problem is not None
    assert (ended.problem.error, ended.problem.refused) == ("IngestionBrokenOffError", False)
    assert ended.problem.detail == "the file was not read to its end: KeyError: 'x'"
    assert world.ingest.run("bikes", started.ingestion_id) == ended


def test_a_crash_after_the_end_changes_nothing(world: World) -> None:
    ended = world.ingested(ONE)
    failures = IngestionFailures(world.ingestions, now=lambda: NOON)
    assert failures.record("bikes", ended.ingestion_id, "States.Timeout", "") == ended
    with pytest.raises(IngestionNotFoundError):
        failures.record("bikes", "i9", "States.Timeout", "")


@pytest.mark.parametrize(
    ("error", "cause", "reason"),
    [
        ("States.Timeout", "", "it took longer than its time limit"),
        (
            "Sandbox.Timedout",
            '{"errorMessage": "Task timed out after 900.00 seconds"}',
            "it took longer than its time limit",
        ),
        (
            "Runtime.ExitError",
            '{"errorMessage": "Error: Runtime exited with error: signal: killed"}',
            "it ran out of memory",
        ),
        ("Lambda.Unknown", "no answer", "Lambda.Unknown: no answer"),
        ("KeyError", "{", "KeyError: {"),
        ("KeyError", "[1]", "KeyError: [1]"),
        ("States.Runtime", "", "States.Runtime"),
    ],
)
def test_a_reason_is_a_sentence(error: str, cause: str, reason: str) -> None:
    assert reason_of(error, cause) == reason


def test_a_long_reason_is_cut() -> None:
    assert len(reason_of("KeyError", "x" * 10_000)) == 500
