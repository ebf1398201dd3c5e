from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import numpy as np
import pytest

from shelflife.contracts.models import Task
from shelflife.kernel.profiles import reference_profile
from shelflife.serving.capture_ports import WatchedVariant
from shelflife.serving.captures import CapturedRows
from shelflife.serving.errors import WindowsContendedError
from shelflife.serving.figures import Figures, latency_bin
from shelflife.serving.filing import Room
from shelflife.serving.model import Change, DeployableVersion, Revision
from shelflife.serving.storing import CaptureStore
from shelflife.serving.traffic import LiveVariant, ShadowVariant, Traffic, TrafficRule
from shelflife.serving.windows import Scale, edges_of
from tests.fakes.captures import MemoryBaselines, MemoryCaptureFiles, MemoryClaims, MemoryWindows
from tests.fakes.onnx_models import classifying, input_of, reference_of, stored, summing
from tests.fakes.serving import MemoryDeployments, MemoryVersions

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULE = TrafficRule(
    live=(
        LiveVariant(name="old", model_version=1, weight=90),
        LiveVariant(name="new", model_version=2, weight=10),
    ),
    shadows=(ShadowVariant(name="next", model_version=2),),
)


class CutOffError(BaseException):
    """The function is killed."""


@dataclass
class World:
    deployments: MemoryDeployments = field(default_factory=MemoryDeployments)
    versions: MemoryVersions = field(default_factory=MemoryVersions)
    claims: MemoryClaims = field(default_factory=MemoryClaims)
    files: MemoryCaptureFiles = field(default_factory=MemoryCaptureFiles)
    windows: MemoryWindows = field(default_factory=MemoryWindows)
    baselines: MemoryBaselines = field(default_factory=MemoryBaselines)
    batch_ids: Any = field(default_factory=lambda: count(1))

    def deploy(self, made: Any, trained: Any = None) -> None:
        """Two versions of one kind; only the stable one was trained on what is told."""
        for version in (1, 2):
            baseline = stored(f"s3://artifacts/{version}", b"baseline") if trained and version == 1 else None
            if baseline:
                self.baselines.profiles[baseline.sha256] = reference_profile(trained)
            reference = reference_of(*made, version=version, baseline=baseline)
            self.versions.keep(DeployableVersion(reference=reference))
        self.deployments.kept_revisions["bikes", 1] = Revision(
            deployment="bikes",
            revision=1,
            model_name="bikes",
            traffic=Traffic.of(RULE),
            activated_at=NOON,
            change=Change(changed_by="tester", reason="test"),
        )

    @property
    def room(self) -> Room:
        return Room(
            claims=self.claims,
            files=self.files,
            windows=self.windows,
            baselines=self.baselines,
            now=lambda: NOON,
        )

    @property
    def store(self) -> CaptureStore:
        return CaptureStore(
            self.deployments, self.versions, self.room, lambda: f"batch-{next(self.batch_ids)}"
        )

    def figures(self, variant: str = "old", minutes: int = 60) -> Figures:
        return self.windows.between("bikes", 1, variant, NOON, NOON + minutes * MINUTE)


@pytest.fixture
def world() -> World:
    world = World()
    world.deploy(summing(input_of("temp")), {"temp": np.arange(10.0), "prediction": np.arange(10.0)})
    return world


def rows(capture_id: str, *answers: float, **changes: Any) -> CapturedRows:
    asked: dict[str, Any] = {
        "capture_id": capture_id,
        "deployment": "bikes",
        "revision": 1,
        "variant": "old",
        "model_version": 1,
        "captured_at": NOON,
        "latency_ms": 3.0,
        "first_row": 0,
        "inputs": {"temp": [*answers]},
        "outputs": {"prediction": [*answers]},
    }
    return CapturedRows.model_validate(asked | changes)


def failure(capture_id: str, **changes: Any) -> CapturedRows:
    return rows(
        capture_id, inputs={}, outputs={}, **({"error": "ModelFailedError", "refused": False} | changes)
    )


def test_rows_count_in_the_minute_they_came_in(world: World) -> None:
    batch = {"m1": rows("a", 0.5, 20.0), "m2": rows("b", 3.0, captured_at=NOON + 90 * MINUTE / 60)}
    assert not world.store.store(batch).failed
    first, second = world.windows.minutes(WatchedVariant("bikes", 1, "old"), NOON, NOON + 60 * MINUTE)
    assert (first[0], second[0]) == (NOON, NOON + MINUTE)
    assert (first[1].requests, first[1].rows, first[1].predictions) == (1, 2, 2)
    assert (first[1].prediction_sum, first[1].prediction_squares) == (20.5, 400.25)
    assert first[1].latency_counts[latency_bin(3.0)] == 1
    assert (second[1].requests, second[1].prediction_sum) == (1, 3.0)


def test_predictions_of_all_variants_are_counted_over_the_stable_ones_bins(world: World) -> None:
    world.store.store({"m1": rows("a", 0.5), "m2": rows("b", 0.5, variant="new", model_version=2)})
    assert world.figures("old").prediction_counts == world.figures("new").prediction_counts
    assert world.figures("new").prediction_counts[1] == 1


def test_a_request_in_parts_is_one_request(world: World) -> None:
    world.store.store({"m1": rows("a", 1.0, 2.0), "m2": rows("a", 3.0, first_row=2)})
    assert (world.figures().requests, world.figures().rows, world.figures().answered) == (1, 3, 1)


def test_requests_that_named_their_variant_do_not_count(world: World) -> None:
    told = world.store.store({"m1": rows("a", 1.0, assigned=False), "m2": failure("b", assigned=False)})
    assert (told.files, world.figures()) == (2, Figures())


def test_failures_are_stored_below_their_own_prefix_and_counted(world: World) -> None:
    refused = failure("b", error="InvalidTensorError", refused=True, latency_ms=0.25)
    told = world.store.store({"m1": failure("a"), "m2": refused, "m3": rows("c", 1.0)})
    assert (told.failed, told.files) == ({}, 2)
    (uri,) = [uri for uri in world.files.files if uri.startswith("memory:failures/")]
    columns = world.files.read(uri)
    assert columns["error"].tolist() == ["ModelFailedError", "InvalidTensorError"]
    assert (columns["capture_id"].tolist(), columns["refused"].tolist()) == (["a", "b"], [False, True])
    assert (columns["role"].tolist(), columns["latency_ms"].tolist()) == (["live"] * 2, [3.0, 0.25])
    assert not [name for name in columns if name.startswith(("input.", "output."))]
    figures = world.figures()
    assert (figures.requests, figures.failures, figures.refusals, figures.answered) == (3, 1, 1, 1)
    assert uri not in world.files.profiles


def test_a_request_that_failed_may_succeed_under_its_id(world: World) -> None:
    world.store.store({"m1": failure("a")})
    again = failure("a", captured_at=NOON + MINUTE / 60)
    world.store.store({"m1": failure("a"), "m2": again, "m3": rows("a", 1.0)})
    assert (world.figures().requests, world.figures().failures) == (3, 2)


def test_a_shadow_is_compared_with_what_was_answered(world: World) -> None:
    shadow = {"role": "shadow", "variant": "next", "model_version": 2, "live_variant": "old"}
    batch = {
        "m1": rows("a", 1.0, 2.0),
        "m2": rows("a", 1.0, 2.5, **shadow, live={"prediction": [1.0, 2.0]}),
    }
    for _ in range(2):
        assert not world.store.store(batch).failed
    (uri,) = [uri for uri in world.files.files if uri.startswith("memory:shadows/")]
    columns = world.files.read(uri)
    assert columns["live.prediction"].tolist() == [1.0, 2.0]
    assert (columns["live_variant"].tolist(), columns["role"].tolist()) == (["old"] * 2, ["shadow"] * 2)
    assert len(world.files.profiles) == 1
    figures = world.figures("next")
    assert (figures.requests, figures.pairs, figures.disagreements) == (1, 2, 1)
    assert (figures.difference_sum, figures.prediction_sum) == (0.5, 3.5)
    assert (world.figures("old").requests, world.figures("old").pairs) == (1, 0)


def test_labels_are_counted_by_their_class(world: World) -> None:
    world.deploy(classifying())
    outputs = {"label": ["yes", "no", "yes", "perhaps"], "probabilities": [[0.5, 0.5]] * 4}
    live = {"live": {"label": ["yes", "yes", "yes", "perhaps"]}, "live_variant": "old"}
    shadow = rows("a", inputs={"x": [1.0] * 4}, outputs=outputs, role="shadow", variant="next", **live)
    assert not world.store.store({"m": shadow}).failed
    figures = world.figures("next")
    assert (figures.prediction_counts[0], figures.prediction_counts[1], figures.prediction_counts[-1]) == (
        1,
        2,
        1,
    )
    assert (figures.pairs, figures.disagreements) == (4, 1)


@pytest.mark.parametrize("masked", ["hidden", "hashed"])
def test_answers_that_the_policy_masks_are_not_counted(world: World, masked: str) -> None:
    outputs = {} if masked == "hidden" else {"prediction": ["5f3c"]}
    captured = rows("a", 1.0, outputs=outputs, **{masked: ["prediction"]})
    told = world.store.store({"m1": captured, "m2": rows("b", 2.0)})
    assert (told.failed, told.files) == ({}, 2)
    figures = world.figures()
    assert (figures.requests, figures.rows, figures.predictions, figures.prediction_sum) == (2, 2, 1, 2.0)
    assert [*world.files.written[0]["output.prediction"]] == [None if masked == "hidden" else "5f3c"]


def test_a_batch_delivered_twice_counts_once(world: World) -> None:
    batch = {"m1": rows("a", 1.0), "m2": failure("b")}
    for _ in range(3):
        assert not world.store.store(batch).failed
    assert (world.figures().requests, world.figures().failures) == (2, 1)


class Dying:
    """Windows whose consumer is killed before or after it added to them."""

    def __init__(self, windows: MemoryWindows, *, after: bool) -> None:
        self.is_added = windows.is_added
        self._windows = windows
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._windows, name)

    def add(self, *asked: Any) -> bool:
        if self._after:
            self._windows.add(*asked)
        raise CutOffError


@pytest.mark.parametrize("after", [False, True])
def test_who_is_killed_between_file_and_windows_leaves_them_to_the_next(world: World, after: bool) -> None:  # noqa: FBT001 - both ways
    batch = {"m1": rows("a", 1.0), "m2": rows("b", 2.0, captured_at=NOON + MINUTE)}
    windows: Any = Dying(world.windows, after=after)
    with pytest.raises(CutOffError):
        replace(world.store, room=replace(world.room, windows=windows)).store(batch)
    assert world.files.profiles == {}
    assert not world.store.store({"m2": batch["m2"], "m3": rows("c", 4.0)}).failed
    assert not world.store.store(batch).failed
    assert (world.figures().requests, world.figures().prediction_sum) == (3, 7.0)
    assert len(world.files.profiles) == 2


def test_windows_in_dispute_bring_the_batch_back_and_count_once(world: World) -> None:
    class Contended(MemoryWindows):
        def add(self, source: str, *_: Any) -> bool:
            raise WindowsContendedError(source)

    batch = {"m1": rows("a", 1.0)}
    contended = Contended(world.windows.kept, world.windows.sources)
    told = replace(world.store, room=replace(world.room, windows=contended)).store(batch)
    assert [type(error) for error in told.failed.values()] == [WindowsContendedError]
    assert not world.store.store(batch).failed
    assert (world.figures().requests, len(world.files.written)) == (1, 1)


def test_edges_are_few_and_share_the_baseline_evenly() -> None:
    values = np.random.default_rng(7).lognormal(size=20_000)
    edges = edges_of(reference_profile({"prediction": values}))
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
    assert len(edges) == 18
    assert counts.max() / counts.min() < 1.3
    assert edges_of(reference_profile({"prediction": np.array([1.0, 2.0, np.inf])})) == (1.0, 2.0)
    assert edges_of(reference_profile({"prediction": np.array(["a"], dtype=object)})) == ()


def test_without_a_baseline_predictions_share_a_bin(world: World) -> None:
    world.deploy(summing(input_of("temp")))
    world.store.store({"m1": rows("a", 1.0, 500.0)})
    assert world.figures().prediction_counts[0] == 2
    assert Scale(Task.REGRESSION).edges == ()
