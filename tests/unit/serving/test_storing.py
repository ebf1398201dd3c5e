from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import numpy as np
import pytest

from shelflife.contracts.models import Datatype, ModelVersionReference
from shelflife.kernel.profiles import Profile, from_json, merge, reference_profile
from shelflife.serving.captures import Answered, CapturedRows, FileState
from shelflife.serving.columns import Columns, ColumnTypes
from shelflife.serving.filing import Room, Stored
from shelflife.serving.model import DeployableVersion
from shelflife.serving.storing import CaptureStore
from shelflife.serving.traffic import only
from tests.fakes.captures import MemoryBaselines, MemoryCaptureFiles, MemoryClaims, MemoryWindows
from tests.fakes.deployments import revision as revision_of
from tests.fakes.onnx_models import classifying, input_of, reference_of, stored, summing
from tests.fakes.serving import MemoryDeployments, MemoryVersions

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FEATURES = (input_of("temp"), input_of("season", Datatype.BYTES))
TRAINED = {
    "temp": np.array([0.24, 0.5, 0.5, np.nan]),
    "season": np.array(["winter", "summer", None, "winter"], dtype=object),
    "prediction": np.array([10.24, 0.5, 0.5, 10.0]),
}


class CutOffError(BaseException):
    """The function is killed."""


@dataclass
class World:
    deployments: MemoryDeployments = field(default_factory=MemoryDeployments)
    versions: MemoryVersions = field(default_factory=MemoryVersions)
    claims: MemoryClaims = field(default_factory=MemoryClaims)
    files: MemoryCaptureFiles = field(default_factory=MemoryCaptureFiles)
    baselines: MemoryBaselines = field(default_factory=MemoryBaselines)
    windows: MemoryWindows = field(default_factory=MemoryWindows)

    @property
    def room(self) -> Room:
        return Room(
            claims=self.claims,
            files=self.files,
            windows=self.windows,
            baselines=self.baselines,
            now=lambda: NOON,
        )

    def serve(self, made: Any, trained: Profile | None, revision: int = 1) -> ModelVersionReference:
        content, signature = made
        baseline = stored(f"s3://artifacts/{revision}.json", str(revision).encode()) if trained else None
        if trained and baseline:
            self.baselines.profiles[baseline.sha256] = trained
        reference = reference_of(content, signature, version=revision, baseline=baseline)
        self.versions.keep(DeployableVersion(reference=reference))
        self.deployments.kept_revisions["bikes", revision] = revision_of(revision, only(revision))
        return reference

    @property
    def rows(self) -> list[tuple[str, int]]:
        """All rows that are stored, by capture and row."""
        return sorted(
            (str(capture_id), int(row))
            for columns in self.files.written
            for capture_id, row in zip(columns["capture_id"], columns["capture_row"], strict=True)
        )


@pytest.fixture
def world() -> World:
    world = World()
    world.serve(summing(*FEATURES), reference_profile(TRAINED))
    return world


@pytest.fixture
def store(world: World) -> CaptureStore:
    ids = count(1)
    return CaptureStore(world.deployments, world.versions, world.room, lambda: f"batch-{next(ids)}")


def within(store: CaptureStore, **others: Any) -> CaptureStore:
    """The same store, with other keepers."""
    return replace(store, room=replace(store.room, **others))


def rows(capture_id: str, **changes: Any) -> CapturedRows:
    asked: dict[str, Any] = {
        "capture_id": capture_id,
        "deployment": "bikes",
        "revision": 1,
        "model_version": 1,
        "captured_at": NOON,
        "latency_ms": 1.5,
        "first_row": 0,
        "inputs": {"temp": [0.24, None], "season": ["winter", None]},
        "outputs": {"prediction": [10.24, 0.0]},
    }
    asked |= changes
    return CapturedRows.model_validate({"variant": f"v{asked['revision']}"} | asked)


def test_rows_become_one_typed_file_and_its_profile(world: World, store: CaptureStore) -> None:
    told = store.store({"m1": rows("a"), "m2": rows("b", captured_at=NOON + timedelta(minutes=5))})
    assert (told.failed, told.rows, told.files) == ({}, 4, 1)
    (uri,) = world.files.files
    assert uri == "memory:captures/bikes/2026/11/20/12/batch-1"
    (columns,) = world.files.written
    np.testing.assert_array_equal(columns["input.temp"], [0.24, np.nan, 0.24, np.nan])
    assert columns["input.season"].tolist() == ["winter", None, "winter", None]
    assert columns["output.prediction"].tolist() == [10.24, 0.0, 10.24, 0.0]
    assert columns["capture_row"].tolist() == [0, 1, 0, 1]
    profile = world.files.profiles[uri]
    assert (profile.first_at, profile.last_at) == (NOON, NOON + timedelta(minutes=5))
    assert (profile.deployment, profile.model_version, profile.revision, profile.row_count) == (
        "bikes",
        1,
        1,
        4,
    )
    counted = from_json(profile.profile_json)
    assert counted.columns["temp"].missing == 2
    assert counted.columns["season"].missing == 2
    assert counted.columns["prediction"].total == 4


def test_profiles_of_batches_merge_with_each_other(world: World, store: CaptureStore) -> None:
    for at in range(3):
        store.store({"m": rows(f"r{at}")})
    merged = merge([from_json(one.profile_json) for one in world.files.profiles.values()])
    assert merged.row_count == 6


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_values_on_an_edge_count_in_its_bin_whatever_the_precision(world: World, kind: Any) -> None:
    values = np.array([0.02, 0.24, 0.24, 0.34, 0.9])
    trained = reference_profile({**TRAINED, "temp": values.astype(kind), "season": TRAINED["season"][[0] * 5],
                                 "prediction": values.astype(kind)})  # fmt: skip
    world.serve(summing(*FEATURES), trained, revision=2)
    captured = rows(
        "a",
        revision=2,
        variant="v2",
        inputs={"temp": values.tolist(), "season": ["winter"] * 5},
        outputs={"prediction": values.astype(np.float32).tolist()},
    )
    CaptureStore(world.deployments, world.versions, world.room, lambda: "batch").store({"m": captured})
    (told,) = world.files.profiles.values()
    counted = from_json(told.profile_json)
    for name in ("temp", "prediction"):
        assert counted.columns[name].counts.tolist() == trained.columns[name].counts.tolist()


def test_a_classification_is_profiled_by_its_label(world: World, store: CaptureStore) -> None:
    trained = reference_profile(
        {"x": np.array([0.1, 0.9]), "prediction": np.array(["no", "yes"], dtype=object)}
    )
    world.serve(classifying(), trained, revision=2)
    outputs = {"label": ["yes", "no", "yes"], "probabilities": [[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]}
    captured = rows("a", revision=2, inputs={"x": [0.9, 0.2, 0.7]}, outputs=outputs)
    assert not store.store({"m": captured}).failed
    (told,) = world.files.profiles.values()
    assert from_json(told.profile_json).columns["prediction"].counts.tolist() == [1, 2, 0]
    assert world.files.written[0]["output.probabilities"].tolist() == outputs["probabilities"]


def test_the_same_batch_twice_is_stored_once(world: World, store: CaptureStore) -> None:
    batch = {"m1": rows("a"), "m2": rows("b")}
    assert not store.store(batch).failed
    again = store.store(batch)
    assert (again.failed, again.rows, again.files) == ({}, 0, 0)
    assert world.rows == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]


def test_a_recomposed_batch_stores_only_what_is_new(world: World, store: CaptureStore) -> None:
    store.store({"m1": rows("a"), "m2": rows("b")})
    told = store.store({"m2": rows("b"), "m3": rows("c")})
    assert (told.failed, told.rows) == ({}, 2)
    assert world.rows == [(one, row) for one in "abc" for row in (0, 1)]


def test_a_message_twice_in_a_batch_is_stored_once(world: World, store: CaptureStore) -> None:
    told = store.store({"m1": rows("a"), "m2": rows("a")})
    assert (told.failed, world.rows) == ({}, [("a", 0), ("a", 1)])


def test_parts_of_one_request_are_all_stored(world: World, store: CaptureStore) -> None:
    store.store({"m1": rows("a"), "m2": rows("a", first_row=2)})
    assert world.rows == [("a", row) for row in range(4)]


def test_revisions_and_hours_have_files_of_their_own(world: World, store: CaptureStore) -> None:
    world.serve(summing(*FEATURES), None, revision=2)
    batch = {
        "m1": rows("a"),
        "m2": rows("b", revision=2, model_version=2),
        "m3": rows("c", captured_at=NOON - timedelta(microseconds=1)),
    }
    assert store.store(batch).files == 3
    assert {uri.split("/")[-2] for uri in world.files.files} == {"11", "12"}
    assert {one.revision for one in world.files.profiles.values()} == {1}


def test_a_crash_between_claim_and_file_loses_nothing(world: World, store: CaptureStore) -> None:
    class Dying(MemoryCaptureFiles):
        def write(self, uri: str, columns: Columns, types: ColumnTypes) -> None:
            raise CutOffError

    with pytest.raises(CutOffError):
        within(store, files=Dying(world.files.files)).store({"m1": rows("a"), "m2": rows("b")})
    assert world.rows == []
    told = store.store({"m2": rows("b"), "m3": rows("c")})
    assert (told.failed, world.rows) == ({}, [("b", 0), ("b", 1), ("c", 0), ("c", 1)])
    assert not store.store({"m1": rows("a"), "m2": rows("b")}).failed
    assert world.rows == [(one, row) for one in "abc" for row in (0, 1)]


def test_a_crash_between_file_and_profile_is_mended(world: World, store: CaptureStore) -> None:
    class Dying(MemoryCaptureFiles):
        def write_profile(self, uri: str, profile: Any) -> None:
            raise CutOffError

    with pytest.raises(CutOffError):
        within(store, files=Dying(world.files.files)).store({"m1": rows("a")})
    assert (world.rows, world.files.profiles) == ([("a", 0), ("a", 1)], {})
    assert not store.store({"m1": rows("a"), "m2": rows("b")}).failed
    assert world.rows == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert [one.row_count for one in world.files.profiles.values()] == [2, 2]


def test_a_late_writer_cannot_store_what_was_taken_over(world: World, store: CaptureStore) -> None:
    second: list[Stored] = []

    class Slow(MemoryCaptureFiles):
        def write(self, uri: str, columns: Columns, types: ColumnTypes) -> None:
            """While this one sleeps, the message is delivered to another consumer."""
            second.append(store.store({"m1": rows("a")}))
            super().write(uri, columns, types)

    late = replace(within(store, files=Slow(world.files.files, world.files.profiles)), new_id=lambda: "slow")
    slow = late.store({"m1": rows("a"), "m2": rows("b")})
    assert second[0].failed == {}
    assert set(slow.failed) == {"m1", "m2"}
    assert world.rows == [("a", 0), ("a", 1)]
    assert not store.store({"m1": rows("a"), "m2": rows("b")}).failed
    assert world.rows == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]


def test_two_who_take_over_do_not_both_store(world: World, store: CaptureStore) -> None:
    world.claims.uris[rows("a").claim_key] = "memory:lost"

    class Raced(MemoryClaims):
        def reclaim(
            self, claim_key: str, before: str, uri: str, at: datetime, answered: Answered | None = None
        ) -> None:
            self.uris[claim_key] = "memory:other"
            super().reclaim(claim_key, before, uri, at, answered)

    told = within(store, claims=Raced(world.claims.uris)).store({"m1": rows("a"), "m2": rows("b")})
    assert set(told.failed) == {"m1"}
    assert world.rows == [("b", 0), ("b", 1)]
    assert world.files.state("memory:lost") is FileState.GIVEN_UP


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": {"temp": [1, 2]}},
        {"inputs": {"temp": [1], "season": ["a", "b"]}},
        {"inputs": {"temp": ["1", "2"], "season": ["a", "b"]}},
        {"inputs": {"temp": [{}, 2], "season": ["a", "b"]}},
        {"outputs": {"label": [1, 2]}},
        {"revision": 9},
        {"deployment": "boats"},
    ],
)
def test_a_message_that_does_not_fit_fails_alone(
    world: World, store: CaptureStore, changes: dict[str, Any]
) -> None:
    told = store.store({"m1": rows("a"), "bad": rows("b", **changes), "m3": rows("c")})
    assert set(told.failed) == {"bad"}
    assert world.rows == [("a", 0), ("a", 1), ("c", 0), ("c", 1)]


def test_rows_without_a_usable_baseline_are_stored_all_the_same(world: World, store: CaptureStore) -> None:
    other = reference_profile({"pressure": np.array([1.0])})
    world.serve(summing(*FEATURES), other, revision=2)
    told = store.store({"m": rows("a", revision=2)})
    assert (told.failed, told.rows, world.files.profiles) == ({}, 2, {})
    assert "pressure" in next(iter(told.unprofiled.values()))
