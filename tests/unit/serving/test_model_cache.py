"""Models in memory, asked for by one and by many threads."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, Event, Semaphore
from typing import Any

import pytest

from shelflife.aws.downloads import ObjectUnreachableError
from shelflife.contracts.models import ModelVersionReference, Signature
from shelflife.serving import model_cache
from shelflife.serving.errors import ModelUnusableError
from shelflife.serving.model_cache import REFUSED_SECONDS, LruModels
from shelflife.serving.ports import Model
from shelflife.serving.sessions import OnnxModel
from tests.fakes.onnx_models import input_of, reference_of, summing

SIGNATURE = summing(input_of("x"))[1]
THREADS = 8
WAIT = 20


def version(number: int, *, size: int = 100, signature: Signature = SIGNATURE) -> ModelVersionReference:
    """A version whose file has that size, with a digest of its own."""
    return reference_of(bytes([number]) * size, signature, version=number)


class Shelf:
    """Stored models of which some are `broken`; a load passes through `gate`, if there is one."""

    def __init__(self) -> None:
        self.loads: Counter[int] = Counter()
        self.broken: dict[int, Exception] = {}
        self.gate: Callable[[ModelVersionReference], Any] = lambda _: None

    def load(self, reference: ModelVersionReference) -> Model:
        self.loads[reference.version] += 1
        self.gate(reference)
        if reference.version in self.broken:
            raise self.broken[reference.version]
        return OnnxModel(None, reference.candidate.signature)


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def cache(shelf: Shelf, budget: int = 1000, clock: Callable[[], float] = Clock()) -> LruModels:  # noqa: B008 - never changed
    return LruModels(shelf, budget, clock)


def digests(models: LruModels) -> list[str]:
    return [one.digest for one in models.loaded()]


def digest(number: int, size: int = 100) -> str:
    return version(number, size=size).candidate.model.sha256


def test_the_models_used_last_are_kept_within_the_budget(shelf: Shelf) -> None:
    models = cache(shelf, budget=250)
    for number in (1, 2, 1, 3):
        models.load(version(number))
    assert digests(models) == [digest(1), digest(3)]
    models.load(version(1))
    assert shelf.loads == {1: 1, 2: 1, 3: 1}


def test_a_model_beyond_the_budget_serves_alone(shelf: Shelf) -> None:
    models = cache(shelf, budget=250)
    models.load(version(1))
    large = version(2, size=1000)
    assert models.load(large) is models.load(large)
    assert digests(models) == [digest(2, size=1000)]
    models.load(version(1))
    assert digests(models) == [digest(1)]


def test_room_that_is_given_back_is_used_again(shelf: Shelf) -> None:
    models = cache(shelf, budget=250)
    models.load(version(1))
    models.load(version(2))
    assert models.unload(digest(1))
    models.load(version(3))
    assert digests(models) == [digest(2), digest(3)]


def test_a_file_answers_by_the_signature_that_it_is_asked_with(shelf: Shelf) -> None:
    _, other = summing(input_of("y"))
    models = cache(shelf)
    assert list(models.load(version(1)).features) == ["x"]
    assert list(models.load(version(1, signature=other)).features) == ["y"]
    assert list(models.load(version(1)).features) == ["x"]
    assert len(models.loaded()) == 1


def test_a_reference_that_was_read_anew_finds_the_same_model(shelf: Shelf) -> None:
    models = cache(shelf)
    again = ModelVersionReference.model_validate_json(version(1).model_dump_json())
    assert models.load(version(1)) is models.load(again)


def test_a_refusal_is_remembered_for_a_while(shelf: Shelf) -> None:
    clock = Clock()
    models = cache(shelf, clock=clock)
    shelf.broken[1] = ModelUnusableError("bikes", 1, "it is broken")
    for later in (0.0, REFUSED_SECONDS - 1):
        clock.seconds = Clock.seconds + later
        with pytest.raises(ModelUnusableError, match="version 1 of model 'bikes' cannot serve: it is broken"):
            models.load(version(1))
    assert shelf.loads[1] == 1
    assert [load.failed for load in models.new_loads()] == [True]
    del shelf.broken[1]
    clock.seconds = Clock.seconds + REFUSED_SECONDS
    models.load(version(1))
    assert shelf.loads[1] == 2


def test_a_refusal_names_the_version_that_is_asked_for(shelf: Shelf) -> None:
    models = cache(shelf)
    shelf.broken[1] = ModelUnusableError("bikes", 1, "it is broken")
    with pytest.raises(ModelUnusableError):
        models.load(version(1))
    with pytest.raises(ModelUnusableError, match="version 7 of model 'bikes' cannot serve: it is broken"):
        models.load(version(1).model_copy(update={"version": 7}))


def test_a_refusal_says_nothing_of_another_copy_of_the_file(shelf: Shelf) -> None:
    models = cache(shelf)
    shelf.broken[1] = ModelUnusableError("bikes", 1, "object 's3://artifacts/…' does not exist")
    with pytest.raises(ModelUnusableError):
        models.load(version(1))
    elsewhere = reference_of(bytes([1]) * 100, SIGNATURE, version=2, bucket="other")
    assert elsewhere.candidate.model.sha256 == digest(1)
    assert models.load(elsewhere).features


def test_a_store_that_fails_is_asked_again_at_once(shelf: Shelf) -> None:
    models = cache(shelf)
    shelf.broken[1] = ObjectUnreachableError("s3://artifacts/model.onnx", "SlowDown")
    with pytest.raises(ObjectUnreachableError):
        models.load(version(1))
    del shelf.broken[1]
    assert models.load(version(1)).features
    assert [load.failed for load in models.new_loads()] == [True, False]


def at_once(models: LruModels, *numbers: int) -> "list[Future[Model]]":
    """Loads by one thread each, started together."""
    together = Barrier(len(numbers))

    def load(number: int) -> Model:
        together.wait(WAIT)
        return models.load(version(number))

    with ThreadPoolExecutor(len(numbers)) as threads:
        return [threads.submit(load, number) for number in numbers]


@pytest.fixture
def all_wait(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first load goes on when all other threads wait for it."""
    waiting = Semaphore(0)

    class Counted(Event):
        def wait(self, timeout: float | None = None) -> bool:
            waiting.release()
            return super().wait(timeout)

    def gate(_: ModelVersionReference) -> None:
        assert all(waiting.acquire(timeout=WAIT) for _ in range(THREADS - 1))

    monkeypatch.setattr(model_cache, "Event", Counted)
    shelf.gate = gate


@pytest.mark.usefixtures("all_wait")
def test_threads_that_ask_for_one_model_load_it_once(shelf: Shelf) -> None:
    models = cache(shelf)
    first = {id(future.result()) for future in at_once(models, *[1] * THREADS)}
    assert (len(first), shelf.loads[1], len(models.new_loads())) == (1, 1, 1)


@pytest.mark.usefixtures("all_wait")
def test_threads_that_ask_for_a_broken_model_read_it_once(shelf: Shelf) -> None:
    models = cache(shelf)
    shelf.broken[1] = ModelUnusableError("bikes", 1, "it is broken")
    errors = [future.exception() for future in at_once(models, *[1] * THREADS)]
    assert {type(error) for error in errors} == {ModelUnusableError}
    assert shelf.loads[1] == 1


def test_a_load_that_fails_leaves_it_to_the_next_thread(shelf: Shelf) -> None:
    models = cache(shelf)
    shelf.broken[1] = ObjectUnreachableError("s3://artifacts/model.onnx", "SlowDown")
    shelf.gate = lambda _: shelf.broken.clear() if shelf.loads[1] == THREADS // 2 else None
    futures = at_once(models, *[1] * THREADS)
    failed = [future for future in futures if future.exception()]
    assert len(failed) == THREADS // 2 - 1
    assert shelf.loads[1] == THREADS // 2
    assert len({id(future.result()) for future in futures if future not in failed}) == 1


def test_different_models_are_loaded_side_by_side(shelf: Shelf) -> None:
    """Each load waits for the other to have begun: one after the other, neither would end."""
    models = cache(shelf)
    both = Barrier(2)
    shelf.gate = lambda _: both.wait(WAIT)
    assert all(future.result() for future in at_once(models, 1, 2))


def test_a_model_in_memory_answers_while_another_is_loaded(shelf: Shelf) -> None:
    models = cache(shelf)
    kept = models.load(version(1))
    begun, go_on = Event(), Event()

    def gate(_: ModelVersionReference) -> None:
        begun.set()
        assert go_on.wait(WAIT)

    shelf.gate = gate
    with ThreadPoolExecutor(1) as threads:
        loading = threads.submit(models.load, version(2))
        assert begun.wait(WAIT)
        assert models.load(version(1)) is kept
        assert digests(models) == [digest(1)]
        go_on.set()
        assert loading.result(WAIT)


def test_many_threads_in_little_room_keep_the_books_right(shelf: Shelf) -> None:
    models = cache(shelf, budget=250)
    numbers = [number % 5 + 1 for number in range(40)]
    for _ in range(5):
        assert all(future.result().features for future in at_once(models, *numbers))
        models.unload(digest(1))
    assert 1 <= len(models.loaded()) <= 2
    assert sum(1 for _ in models.new_loads()) == min(256, shelf.loads.total())
    for one in models.loaded():
        models.unload(one.digest)
    models.load(version(1))
    models.load(version(2))
    assert digests(models) == [digest(1), digest(2)]
