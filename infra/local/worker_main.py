"""One execution environment of a Python function, as Lambda's runtime is one.

Runs isolated (``-I -S``) in a process of its own, hence without a single import from this project. Frames go
over two pipes: ``kind (1 byte), peak memory in MB (4 bytes), length (4 bytes), JSON``. Whatever the function
prints goes to the log pipe, and a marker ends each invocation's part of it.
"""

from __future__ import annotations

import _thread
import json
import logging
import os
import resource
import struct
import sys
import time
import traceback

# The typing module costs a cold start three milliseconds.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

MARKER = b"\x1e\x00end-of-invocation\x00\x1e"
HEADER = struct.Struct(">cII")
MEGABYTE_IN_KILOBYTES = 1024 if sys.platform == "linux" else 1024 * 1024


class FunctionFault(Exception):  # noqa: N818 - never raised at callers
    """A failure that has the runtime's own error type instead of an exception's."""

    def __init__(self, error_type: str, message: str, trace: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.answer = {
            "errorMessage": message,
            "errorType": error_type,
            "requestId": "",
            "stackTrace": list(trace),
        }


class Identity:
    def __init__(self) -> None:
        self.cognito_identity_id = None
        self.cognito_identity_pool_id = None


class Context:
    """Lambda's context object: https://docs.aws.amazon.com/lambda/latest/dg/python-context.html."""

    def __init__(self, call: dict[str, Any]) -> None:
        environ = os.environ
        self.aws_request_id = call["request_id"]
        self.invoked_function_arn = call["arn"]
        self.function_name = environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.client_context = None
        self.identity = Identity()
        self.tenant_id = None
        self._deadline_ms = call["deadline_ms"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int(self._deadline_ms - time.time() * 1000))

    def log(self, message: object) -> None:
        sys.stdout.write(str(message))


class LambdaFormatter(logging.Formatter):
    """The lines of Lambda's root handler: level, time, request id, message."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S"
        )

    def format(self, record: logging.LogRecord) -> str:
        record.aws_request_id = LambdaFormatter.request_id
        return super().format(record)

    request_id = ""


def watch(lifeline: int) -> NoReturn:
    """End with the emulator, also in the middle of a handler."""
    while os.read(lifeline, 1):
        pass
    os._exit(1)


def read_exactly(descriptor: int, length: int) -> bytes:
    parts = []
    while length:
        part = os.read(descriptor, min(length, 1 << 20))
        if not part:
            os._exit(0)
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def receive(descriptor: int) -> dict[str, Any]:
    (length,) = struct.unpack(">I", read_exactly(descriptor, 4))
    call: dict[str, Any] = json.loads(read_exactly(descriptor, length))
    return call


def send(descriptor: int, kind: bytes, payload: bytes) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // MEGABYTE_IN_KILOBYTES
    os.write(2, MARKER)
    view = memoryview(HEADER.pack(kind, peak, len(payload)) + payload)
    while view:
        view = view[os.write(descriptor, view) :]


def report(answer: dict[str, Any]) -> None:
    """The trace as Lambda logs it."""
    trace = "".join(answer["stackTrace"]).rstrip("\n")
    head = f"[ERROR] {answer['errorType']}: {answer['errorMessage']}"
    sys.stderr.write(f"{head}\nTraceback (most recent call last):\n{trace}\n" if trace else f"{head}\n")


def own_frames(error: BaseException) -> list[str]:
    """The traceback without this file's frames and the import system's."""
    frames = traceback.extract_tb(error.__traceback__)
    shown = [frame for frame in frames if frame.filename != __file__ and "importlib" not in frame.filename]
    return traceback.format_list(shown)


def describe(error: Exception, request_id: str) -> dict[str, Any]:
    if isinstance(error, FunctionFault):
        answer = dict(error.answer)
    else:
        answer = {
            "errorMessage": str(error),
            "errorType": type(error).__name__,
            "stackTrace": own_frames(error),
        }
    answer["requestId"] = request_id
    return answer


def load(handler: str) -> Callable[..., object]:
    """The function's callable, or the fault that Lambda names when there is none."""
    module_path, dot, name = handler.rpartition(".")
    if not dot:
        raise FunctionFault(
            "Runtime.MalformedHandlerName", f"Bad handler '{handler}': not enough values to unpack"
        )
    module_name = module_path.replace("/", ".")
    try:
        __import__(module_name)
    except ImportError as error:
        message = f"Unable to import module '{module_path}': {error}"
        raise FunctionFault("Runtime.ImportModuleError", message, own_frames(error)) from error
    except SyntaxError as error:
        place = [f'  File "{error.filename}" Line {error.lineno}\n    {(error.text or "").rstrip()}\n']
        raise FunctionFault(
            "Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_path}': {error}", place
        ) from error
    found: Callable[..., object] | None = getattr(sys.modules[module_name], name, None)
    if found is None:
        raise FunctionFault("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module_path}'")
    return found


def plain(value: object) -> float:
    """Decimals become numbers, as in Lambda's own encoder."""
    decimal = sys.modules.get("decimal")
    if decimal and isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def marshal(result: object) -> bytes:
    try:
        return json.dumps(result, default=plain).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise FunctionFault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def set_or_drop(name: str, value: str) -> None:
    if value:
        os.environ[name] = value
    else:
        os.environ.pop(name, None)


def answer(function: Callable[..., object], call: dict[str, Any]) -> tuple[bytes, bytes]:
    LambdaFormatter.request_id = call["request_id"]
    for name, value in call["environment"].items():
        set_or_drop(name, value)
    try:
        return b"R", marshal(function(call["event"], Context(call)))
    except Exception as error:  # noqa: BLE001 - whatever the function raises is its answer
        failure = describe(error, call["request_id"])
        report(failure)
        return b"E", json.dumps(failure).encode()


def initialise() -> Callable[..., object]:
    """Log handlers, search path and handler, in the order in which Lambda makes them."""
    root = logging.getLogger()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(LambdaFormatter())
    root.addHandler(handler)
    streams: list[Any] = [sys.stdout, sys.stderr]
    for stream in streams:
        stream.reconfigure(line_buffering=True, encoding="utf-8", errors="backslashreplace")
    return load(os.environ["_HANDLER"])


def main(arguments: list[str]) -> NoReturn:
    requests, responses, lifeline = (int(number) for number in arguments[1:4])
    sys.path[:0] = arguments[4:]
    sys.argv = ["/var/runtime/bootstrap.py"]
    _thread.start_new_thread(watch, (lifeline,))
    try:
        function = initialise()
    except Exception as error:  # noqa: BLE001 - an init failure is the answer to whoever asked
        failure = describe(error, "")
        report(failure)
        send(responses, b"F", json.dumps(failure).encode())
        os._exit(1)
    send(responses, b"I", b"{}")
    while True:
        send(responses, *answer(function, receive(requests)))


if __name__ == "__main__":
    main(sys.argv)
