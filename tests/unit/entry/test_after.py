import json
from collections.abc import Generator
from threading import Event
from time import sleep, time
from typing import Any

import pytest

from shelflife.entry.after import AfterAnswer
from shelflife.entry.records import Record
from tests.harness.events import LambdaContext
from tests.harness.extensions_api import ExtensionsApi, extensions_api

CONTEXT = LambdaContext()
REQUEST_ID = CONTEXT.aws_request_id
EVENT = {"number": 1}


@pytest.fixture
def api() -> Generator[ExtensionsApi]:
    with extensions_api() as api:
        yield api


class Work:
    """Work that takes until it may end, and notes for which event it is done."""

    def __init__(self) -> None:
        self.done: list[str] = []
        #: How often it has to be done before nothing is left.
        self.turns = 1
        self.begun = Event()
        self.may_end = Event()

    def __call__(self, record: Record) -> bool:
        self.begun.set()
        assert self.may_end.wait(5)
        self.done.append(record.fields["request_id"])
        return len(self.done) < self.turns


def answer(event: Any, context: Any) -> Any:
    del context
    return {"answer": event}


def test_without_extensions_the_work_is_done_before_the_answer_leaves() -> None:
    work = Work()
    work.may_end.set()
    assert AfterAnswer(answer, work, "serving/captures", {})(EVENT, CONTEXT) == {"answer": EVENT}
    assert work.done == [REQUEST_ID]


def test_an_extension_works_after_the_answer_and_holds_the_environment_until_then(api: ExtensionsApi) -> None:
    work = Work()
    handler = AfterAnswer(answer, work, "serving/captures", {"AWS_LAMBDA_RUNTIME_API": api.address})
    assert api.registered == [("serving-captures", ["INVOKE"])]
    for number in (1, 2):
        work.begun.clear()
        work.may_end.clear()
        api.invoke(REQUEST_ID if number == 1 else "another")
        assert not work.begun.wait(0.1)
        context = LambdaContext()
        context.aws_request_id = REQUEST_ID if number == 1 else "another"
        assert handler({"number": number}, context) == {"answer": {"number": number}}
        assert work.begun.wait(5)
        assert not api.is_idle(0.1)
        work.may_end.set()
        assert api.is_idle(5)
        assert len(work.done) == number
    assert work.done == [REQUEST_ID, "another"]


def test_an_answer_that_is_there_before_its_event_is_told_is_followed_all_the_same(
    api: ExtensionsApi,
) -> None:
    work = Work()
    work.may_end.set()
    handler = AfterAnswer(answer, work, "serving/captures", {"AWS_LAMBDA_RUNTIME_API": api.address})
    assert api.is_idle(5)
    handler(EVENT, CONTEXT)
    assert not work.begun.wait(0.1)
    api.invoke(REQUEST_ID)
    assert api.is_idle(5)
    assert work.done == [REQUEST_ID]


def test_an_event_that_is_never_answered_holds_nothing_up(api: ExtensionsApi) -> None:
    work = Work()
    work.may_end.set()
    AfterAnswer(answer, work, "serving/captures", {"AWS_LAMBDA_RUNTIME_API": api.address})
    api.invoke(REQUEST_ID, seconds=0.7)
    assert not work.begun.wait(0.05)
    assert api.is_idle(5)
    assert work.done == [REQUEST_ID]


def test_a_handler_that_fails_is_followed_too(api: ExtensionsApi) -> None:
    def fail(event: Any, context: Any) -> Any:
        raise KeyError(event, context)

    work = Work()
    work.may_end.set()
    for environ in ({}, {"AWS_LAMBDA_RUNTIME_API": api.address}):
        handler = AfterAnswer(fail, work, "serving/captures", environ)
        if environ:
            api.invoke(REQUEST_ID)
        with pytest.raises(KeyError):
            handler(EVENT, CONTEXT)
    assert api.is_idle(5)
    assert work.done == [REQUEST_ID] * 2


@pytest.mark.parametrize("address", ["127.0.0.1:1", "refuses"])
def test_whoever_cannot_register_works_before_the_answer(api: ExtensionsApi, address: str) -> None:
    api.refuses = True
    work = Work()
    work.may_end.set()
    known = api.address if address == "refuses" else address
    AfterAnswer(answer, work, "serving/captures", {"AWS_LAMBDA_RUNTIME_API": known})(EVENT, CONTEXT)
    assert work.done == [REQUEST_ID]


def test_once_the_api_fails_the_work_is_done_before_the_answer(api: ExtensionsApi) -> None:
    work = Work()
    work.may_end.set()
    handler = AfterAnswer(answer, work, "serving/captures", {"AWS_LAMBDA_RUNTIME_API": api.address})
    assert api.is_idle(5)
    api.end()
    handler.join(5)
    handler(EVENT, CONTEXT)
    assert work.done == [REQUEST_ID]


def test_work_that_fails_is_told_and_costs_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(record: Record) -> bool:
        record.count("CapturesDropped", 2)
        message = "no room"
        raise OSError(message)

    assert AfterAnswer(answer, fail, "serving/captures", {})(EVENT, CONTEXT) == {"answer": EVENT}
    line, metrics = (json.loads(text) for text in capsys.readouterr().out.splitlines())
    assert (line["door"], line["exception_name"], line["request_id"]) == (
        "serving/captures",
        "OSError",
        REQUEST_ID,
    )
    assert (metrics["Failures"], metrics["CapturesDropped"]) == ([1.0], [2.0])
    assert "ColdStart" not in metrics


def test_work_that_went_well_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    AfterAnswer(answer, lambda _: False, "serving/captures", {})(EVENT, CONTEXT)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("seconds", "times"), [(30.0, 3), (0.6, 1)])
def test_what_is_left_is_tried_again_while_the_event_has_time(
    api: ExtensionsApi, monkeypatch: pytest.MonkeyPatch, seconds: float, times: int
) -> None:
    monkeypatch.setattr("shelflife.entry.after._AGAIN_SECONDS", 0.2)
    work = Work()
    work.turns = 3
    work.may_end.set()
    handler = AfterAnswer(answer, work, "serving/captures", {"AWS_LAMBDA_RUNTIME_API": api.address})
    api.invoke(REQUEST_ID, seconds)
    handler(EVENT, CONTEXT)
    assert api.is_idle(5)
    assert work.done == [REQUEST_ID] * times


def test_without_extensions_what_is_left_goes_on_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shelflife.entry.after._AGAIN_SECONDS", 0.05)
    work = Work()
    work.turns = 4
    work.may_end.set()
    handler = AfterAnswer(answer, work, "serving/captures", {})
    handler(EVENT, CONTEXT)
    handler(EVENT, CONTEXT)
    give_up = time() + 5
    while len(work.done) < work.turns and time() < give_up:
        sleep(0.01)
    sleep(0.2)
    assert work.done == [REQUEST_ID] * work.turns
