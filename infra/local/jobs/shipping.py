"""A job's log file, line by line into CloudWatch Logs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_EVERY_SECONDS = 0.5
_BATCH = 1000


class LogShipper:
    """Sends what a growing file gained since the last time, at most twice a second and at the end."""

    def __init__(self, logs: Any, group: str, stream: str, log_file: Path) -> None:
        self._logs = logs
        self._group = group
        self._stream = stream
        self._file = log_file
        self._position = 0
        self._next = 0.0
        for create, name in (
            (logs.create_log_group, {}),
            (logs.create_log_stream, {"logStreamName": stream}),
        ):
            try:
                create(logGroupName=group, **name)
            except logs.exceptions.ResourceAlreadyExistsException:
                continue

    def ship(self, *, last: bool = False) -> None:
        if not last and time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY_SECONDS
        with self._file.open("rb") as opened:
            opened.seek(self._position)
            gained = opened.read()
        complete = gained if last else gained[: gained.rfind(b"\n") + 1]
        self._position += len(complete)
        now = int(time.time() * 1000)
        lines = [line for line in complete.decode(errors="replace").splitlines() if line]
        events = [{"timestamp": now, "message": line} for line in lines]
        for first in range(0, len(events), _BATCH):
            self._logs.put_log_events(
                logGroupName=self._group, logStreamName=self._stream, logEvents=events[first : first + _BATCH]
            )
