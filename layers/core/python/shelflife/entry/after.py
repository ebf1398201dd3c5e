"""Work that is done once an event is answered, so that nobody waits for it where the platform allows that.

Lambda sends the answer when the handler has returned, and freezes the environment when the function and its
extensions have asked for the next event. A thread of this process that is registered as an (internal)
extension can therefore work in between:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html. Where there is no Extensions API,
the work is done before the handler returns; and as nothing freezes the process there, what is left of it goes
on in a thread.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from threading import Condition, Lock, Thread
from time import perf_counter, sleep, time
from typing import Any

from shelflife.entry.records import Record, recorder

Handler = Callable[[dict[str, Any], Any], Any]
#: Tells what went wrong by filling the record; a record without any measure is not written. Answers whether
#: something is left to do that may go better in a moment.
Work = Callable[[Record], bool]

_API_VARIABLE = "AWS_LAMBDA_RUNTIME_API"
_ROOT = "/2020-01-01/extension"
_REGISTER_SECONDS = 1.0
#: Before the deadline of an event whose answer never came, the thread stops waiting for it.
_MARGIN_SECONDS = 0.5
_AGAIN_SECONDS = 1.0


class AfterAnswer:
    """A handler, and work that follows each of its answers."""

    def __init__(
        self, handle: Handler, work: Work, door: str, environ: Mapping[str, str] = os.environ
    ) -> None:
        """Has to be made while the function starts: Lambda takes no extension later on."""
        self._handle = handle
        self._work = work
        self._door = door
        self._answered = _Answered()
        api = environ.get(_API_VARIABLE)
        self._extension = _registered(api, door) if api else None
        self._thread = Thread(target=self._follow, name=door, daemon=True)
        self._goes_on = Lock()
        if self._extension is not None:
            self._thread.start()

    def __call__(self, event: dict[str, Any], context: Any) -> Any:
        request_id = getattr(context, "aws_request_id", "")
        try:
            return self._handle(event, context)
        finally:
            if self._extension is None:
                if self._run(request_id) and not self._goes_on.locked():
                    Thread(target=self._go_on, args=(request_id,), daemon=True).start()
            else:
                self._answered.tell(request_id)

    def join(self, seconds: float) -> None:
        """Wait until the thread is over, which it is only when Lambda's API fails."""
        self._thread.join(seconds)

    def _follow(self) -> None:
        for request_id, deadline in self._extension.events() if self._extension else ():
            self._answered.wait(request_id, deadline - _MARGIN_SECONDS)
            # The environment may be frozen after this, and never asked again: what is left is left to no one.
            while self._run(request_id) and time() + _AGAIN_SECONDS < deadline - _MARGIN_SECONDS:
                sleep(_AGAIN_SECONDS)
        # Lambda does not answer any more: from now on answers wait.
        self._extension = None

    def _go_on(self, request_id: str) -> None:
        # One thread is enough, however many events leave something.
        if not self._goes_on.acquire(blocking=False):
            return
        try:
            sleep(_AGAIN_SECONDS)
            while self._run(request_id):
                sleep(_AGAIN_SECONDS)
        finally:
            self._goes_on.release()

    def _run(self, request_id: str) -> bool:
        record = Record(self._door, {"request_id": request_id})
        began, is_left = perf_counter(), False
        try:
            is_left = self._work(record)
        except Exception as error:  # noqa: BLE001 - the event is answered, whatever becomes of this
            record.error, record.failed = error, True
        if record.measures or record.failed:
            recorder(waited_for=False).write(record, (perf_counter() - began) * 1000)
        return is_left


class _Answered:
    """Which event was answered last."""

    def __init__(self) -> None:
        self._told = Condition()
        self._request_id = ""

    def tell(self, request_id: str) -> None:
        with self._told:
            self._request_id = request_id
            self._told.notify()

    def wait(self, request_id: str, deadline: float) -> None:
        """Until the event is answered, or its time (seconds since 1970) is over."""
        with self._told:
            self._told.wait_for(lambda: self._request_id == request_id, max(0.0, deadline - time()))


class _Extension:
    """The Extensions API, from the side of one extension."""

    def __init__(self, api: str, identifier: str) -> None:
        self._api = api
        self._headers = {"Lambda-Extension-Identifier": identifier}

    def events(self) -> Iterator[tuple[str, float]]:
        """Events as they begin, by request id and deadline; asking for the next lets Lambda freeze us."""
        connection = HTTPConnection(self._api)
        try:
            while True:
                connection.request("GET", f"{_ROOT}/event/next", headers=self._headers)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != HTTPStatus.OK:
                    return
                event = json.loads(body)
                if event.get("eventType") == "INVOKE":
                    yield event["requestId"], event["deadlineMs"] / 1000
        except (OSError, HTTPException, ValueError):
            return
        finally:
            connection.close()


def _registered(api: str, door: str) -> _Extension | None:
    connection = HTTPConnection(api, timeout=_REGISTER_SECONDS)
    headers = {"Lambda-Extension-Name": door.replace("/", "-"), "Content-Type": "application/json"}
    try:
        connection.request("POST", f"{_ROOT}/register", '{"events":["INVOKE"]}', headers)
        answer = connection.getresponse()
        answer.read()
        identifier = answer.getheader("Lambda-Extension-Identifier")
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
    return _Extension(api, identifier) if answer.status == HTTPStatus.OK and identifier else None
