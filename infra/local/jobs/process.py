"""One job's process: started under a supervisor, watched, stopped in time, its output kept and shipped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

_SUPERVISOR = Path(__file__).resolve().parents[1] / "job_main.py"
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a job may run, and how long it may take to stop when it is told to."""

    run_seconds: float | None
    stop_grace_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a job's process ended; ``exit_code`` is 128 and the signal's number where a signal ended it."""

    exit_code: int
    stopped: bool = False
    timed_out: bool = False


def run(  # noqa: PLR0913 - what a process is made of
    command: list[str],
    *,
    environment: Mapping[str, str],
    workdir: Path,
    log_file: Path,
    limits: Limits,
    stop: threading.Event,
    watch: Callable[[], None],
) -> End:
    """Run a command to its end, calling ``watch`` now and then; its output goes to the log file."""
    reader, lifeline = os.pipe()
    supervised = [sys.executable, "-I", "-S", str(_SUPERVISOR), str(reader), *command]
    with log_file.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - the image's own command
            supervised,
            cwd=workdir,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(reader,),
            start_new_session=True,
        )
    os.close(reader)
    try:
        return _wait(process, limits, stop, watch)
    finally:
        # What the job left behind in its group ends with it.
        _signal(process, signal.SIGKILL)
        process.wait()
        os.close(lifeline)
        watch()


def _wait(
    process: subprocess.Popen[bytes], limits: Limits, stop: threading.Event, watch: Callable[[], None]
) -> End:
    until = time.monotonic() + limits.run_seconds if limits.run_seconds else None
    while process.poll() is None:
        watch()
        late = until is not None and time.monotonic() > until
        if late or stop.is_set():
            code = _end(process, limits.stop_grace_seconds)
            return End(exit_code=_code(code), stopped=not late, timed_out=late)
        stop.wait(_POLL_SECONDS)
    return End(exit_code=_code(process.returncode))


def _end(process: subprocess.Popen[bytes], grace_seconds: float) -> int:
    _signal(process, signal.SIGTERM)
    try:
        return process.wait(grace_seconds)
    except subprocess.TimeoutExpired:
        _signal(process, signal.SIGKILL)
        return process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _code(returncode: int) -> int:
    return returncode if returncode >= 0 else 128 - returncode
