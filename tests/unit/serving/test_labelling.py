from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from shelflife.contracts.monitoring import Label, LabelBatch, LabelsReceived
from shelflife.serving.captures import CapturedRows
from shelflife.serving.errors import QueueUnavailableError, WindowsContendedError
from shelflife.serving.figures import Figures
from shelflife.serving.filing import Room
from shelflife.serving.labelling import PATIENCE, Counted, Labelling
from shelflife.serving.model import DeployableVersion
from shelflife.serving.storing import CaptureStore
from tests.fakes.captures import MemoryBaselines, MemoryCaptureFiles, MemoryClaims, MemoryWindows
from tests.fakes.deployments import revision, rule
from tests.fakes.onnx_models import classifying, input_of, reference_of, summing
from tests.fakes.serving import MemoryDeployments, MemoryVersions

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass
class MemoryLabelBatches:
    batches: dict[str, LabelBatch] = field(default_factory=dict)

    def read(self, uri: str) -> LabelBatch:
        return self.batches[uri]


@dataclass
class MemoryLater:
    """Messages that come later, and when."""

    put_back: list[tuple[LabelsReceived, timedelta]] = field(default_factory=list)
    broken: bool = False

    def put(self, text: str, delay: timedelta) -> None:
        if self.broken:
            raise QueueUnavailableError("labels", "it is broken")
        self.put_back.append((LabelsReceived.model_validate_json(text), delay))


@dataclass
class World:
    """Deployment `bikes` answers with two variants, whose requests are stored as in the functions."""

    deployments: MemoryDeployments = field(default_factory=MemoryDeployments)
    versions: MemoryVersions = field(default_factory=MemoryVersions)
    claims: MemoryClaims = field(default_factory=MemoryClaims)
    files: MemoryCaptureFiles = field(default_factory=MemoryCaptureFiles)
    windows: MemoryWindows = field(default_factory=MemoryWindows)
    batches: MemoryLabelBatches = field(default_factory=MemoryLabelBatches)
    later: MemoryLater = field(default_factory=MemoryLater)
    clock: datetime = NOON

    def __post_init__(self) -> None:
        self.ids = map(str, count(1))
        self.deployments.kept_revisions["bikes", 1] = revision(1, rule((1, 90), (2, 10)))
        self.serve(summing(input_of("x")))
        self.labelling = Labelling(
            batches=self.batches,
            claims=self.claims,
            files=self.files,
            deployments=self.deployments,
            versions=self.versions,
            windows=self.windows,
            later=self.later,
            now=lambda: self.clock,
        )

    def serve(self, made: Any) -> None:
        for version in (1, 2):
            self.versions.keep(DeployableVersion(reference=reference_of(*made, version=version)))

    def captured(self, capture_id: str, outputs: dict[str, list[Any]], **changes: Any) -> None:
        rows = max(map(len, outputs.values()), default=1)
        told = {
            "capture_id": capture_id,
            "deployment": "bikes",
            "revision": 1,
            "variant": "v1",
            "model_version": 1,
            "captured_at": NOON + timedelta(seconds=20),
            "latency_ms": 1.0,
            "first_row": 0,
            "inputs": {"x": [1.0] * rows},
            "outputs": outputs,
        } | changes
        room = Room(
            claims=self.claims,
            files=self.files,
            windows=self.windows,
            baselines=MemoryBaselines(),
            now=lambda: NOON,
        )
        store = CaptureStore(self.deployments, self.versions, room, lambda: next(self.ids))
        assert store.store({"m1": CapturedRows.model_validate(told)}).failed == {}

    def tell(self, **labels: tuple[Any, ...]) -> Counted:
        return self.labelling.count(self.told(**labels))

    def told(self, **labels: tuple[Any, ...]) -> LabelsReceived:
        uri = f"memory://labels/{next(self.ids)}"
        self.batches.batches[uri] = LabelBatch(
            batch_id=uri,
            deployment="bikes",
            received_at=NOON,
            labels=tuple(Label(capture_id=id, values=values) for id, values in labels.items()),
        )
        return LabelsReceived(event_id=uri, happened_at=NOON, deployment="bikes", labels_uri=uri)

    def figures(self, variant: str = "v1") -> Figures:
        return self.windows.between("bikes", 1, variant, NOON, NOON + MINUTE)


@pytest.fixture
def world() -> World:
    return World()


def losses(figures: Figures) -> tuple[int, float, float]:
    return figures.labels, figures.loss_sum, figures.loss_squares


def test_a_regressions_loss_is_the_absolute_error_of_each_row(world: World) -> None:
    world.captured("a", {"prediction": [1.0, 5.0]})
    assert world.tell(a=(2, 2.0)) == Counted(added=1, unknown=0, others=0)
    assert losses(world.figures()) == (2, 4.0, 10.0)


def test_a_classifications_loss_is_one_for_a_wrong_class(world: World) -> None:
    world.serve(classifying())
    world.captured("a", {"label": ["no", "yes"], "probabilities": [[0.9, 0.1], [0.2, 0.8]]})
    world.tell(a=("no", "no"))
    assert losses(world.figures()) == (2, 1.0, 1.0)


def test_losses_count_for_who_answered(world: World) -> None:
    world.captured("a", {"prediction": [1.0]})
    world.captured("b", {"prediction": [1.0]}, variant="v2", model_version=2)
    assert world.tell(a=(1.5,), b=(4.0,)).added == 2
    assert losses(world.figures("v1")) == (1, 0.5, 0.25)
    assert losses(world.figures("v2")) == (1, 3.0, 9.0)


def test_an_answer_counts_once_however_often_its_truth_is_told(world: World) -> None:
    world.captured("a", {"prediction": [1.0]})
    told = world.told(a=(2.0,))
    assert world.labelling.count(told).added == 1
    assert world.labelling.count(told) == Counted(added=0, unknown=0, others=1)
    assert world.tell(a=(9.0,)) == Counted(added=0, unknown=0, others=1)
    assert losses(world.figures()) == (1, 1.0, 1.0)


def test_what_no_capture_is_known_of_is_said(world: World) -> None:
    assert world.tell(a=(1.0,), b=(2.0,)) == Counted(added=0, unknown=2, others=0)


def test_a_request_that_named_its_variant_is_no_sample(world: World) -> None:
    world.captured("a", {"prediction": [1.0]}, assigned=False)
    assert world.tell(a=(2.0,)) == Counted(added=0, unknown=0, others=1)
    assert world.figures().labels == 0


@pytest.mark.parametrize(
    ("outputs", "how"),
    [({}, "hidden"), ({"prediction": ["5d9a94014af9eb35f3d822e3ccfbb937"]}, "hashed")],
)
def test_an_answer_that_is_masked_cannot_be_compared(
    world: World, outputs: dict[str, list[Any]], how: str
) -> None:
    world.captured("a", outputs, **{how: ("prediction",)})
    assert world.tell(a=(2.0,)) == Counted(added=0, unknown=0, others=1)


def test_a_hashed_class_is_no_wrong_one(world: World) -> None:
    world.serve(classifying())
    outputs: dict[str, list[Any]] = {
        "label": ["5d9a94014af9eb35f3d822e3ccfbb937"],
        "probabilities": [[0.9, 0.1]],
    }
    world.captured("a", outputs, hashed=("label",))
    assert world.tell(a=("no",)).added == 0


@pytest.mark.parametrize("values", [(1.0,), (1.0, 2.0, 3.0)])
def test_another_number_of_truths_than_rows_is_left_out(world: World, values: tuple[float, ...]) -> None:
    world.captured("a", {"prediction": [1.0, 2.0]})
    assert world.tell(a=values) == Counted(added=0, unknown=0, others=1)


def test_the_part_of_a_request_that_travelled_in_several_is_left_out(world: World) -> None:
    world.captured("a", {"prediction": [1.0]})
    world.captured("a", {"prediction": [2.0]}, first_row=1)
    assert world.tell(a=(1.0, 2.0)).added == 0


def test_labels_that_clash_with_others_come_again_and_the_rest_is_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.captured("a", {"prediction": [1.0]})
    world.captured("b", {"prediction": [1.0]})
    add, left = world.windows.add_losses, [True]

    def contended(losses: Any, at: datetime) -> int:
        if left:
            left.clear()
            raise WindowsContendedError("labels")
        return add(losses, at)

    monkeypatch.setattr(world.windows, "add_losses", contended)
    messages = {"m1": world.told(a=(1.0,)), "m2": world.told(b=(1.0,))}
    counted, failed = world.labelling.count_all(messages)
    assert (counted.added, [*failed]) == (1, ["m1"])
    assert world.labelling.count_all({"m1": messages["m1"]})[0].added == 1
    assert world.figures().labels == 2


def test_labels_that_came_before_their_captures_are_counted_when_those_are_stored(world: World) -> None:
    world.captured("a", {"prediction": [1.0]})
    told = world.told(a=(2.0,), b=(4.0,))
    world.clock = NOON + timedelta(seconds=20)
    counted, failed = world.labelling.count_all({"m1": told})
    assert (counted, failed) == (Counted(added=1, unknown=1, others=0), {})
    assert world.later.put_back == [(told, timedelta(seconds=20))]
    world.captured("b", {"prediction": [1.0]})
    counted, failed = world.labelling.count_all({"m2": world.later.put_back[0][0]})
    assert (counted, failed) == (Counted(added=1, unknown=0, others=1), {})
    assert len(world.later.put_back) == 1
    assert losses(world.figures()) == (2, 4.0, 10.0)


@pytest.mark.parametrize("state", ["absent", "given up"])
def test_a_capture_whose_file_is_being_written_is_waited_for(world: World, state: str) -> None:
    world.captured("a", {"prediction": [1.0]})
    world.captured("b", {"prediction": [1.0]}, variant="v2", model_version=2)
    told = world.told(a=(2.0,), b=(2.0,))
    (uri, columns), _ = world.files.files.items()
    if state == "absent":
        del world.files.files[uri]
    else:
        world.files.files[uri] = None
    assert world.labelling.count(told) == Counted(added=1, unknown=1, others=0)
    world.files.files[uri] = columns
    assert world.labelling.count(told) == Counted(added=1, unknown=0, others=1)


def test_only_files_of_answers_that_do_not_count_yet_are_read(world: World) -> None:
    world.captured("a", {"prediction": [1.0]})
    told = world.told(a=(2.0,), b=(2.0,))
    world.labelling.count(told)
    world.files.files.clear()
    assert world.labelling.count(told) == Counted(added=0, unknown=1, others=1)


@pytest.mark.parametrize(
    ("waited", "delay"),
    [
        (timedelta(0), timedelta(seconds=1)),
        (timedelta(seconds=-5), timedelta(seconds=1)),
        (timedelta(minutes=9), timedelta(minutes=9)),
        (timedelta(minutes=40), timedelta(minutes=15)),
        (PATIENCE, None),
    ],
)
def test_each_wait_is_as_long_as_those_before_it_up_to_an_hour(
    world: World, waited: timedelta, delay: timedelta | None
) -> None:
    world.clock = NOON + waited
    counted, failed = world.labelling.count_all({"m1": world.told(a=(1.0,))})
    assert (counted.unknown, failed) == (1, {})
    assert [told for _, told in world.later.put_back] == ([] if delay is None else [delay])


def test_what_cannot_be_put_back_comes_again(world: World) -> None:
    world.later.broken = True
    _, failed = world.labelling.count_all({"m1": world.told(a=(1.0,))})
    assert [*failed] == ["m1"]
