"""The process of a local cloud: from an empty environment to saved state."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import os
import signal
import sys
from dataclasses import dataclass
from functools import partial
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING, Any

from infra.local import emulator
from infra.local.lifeline import on_parent_end
from infra.local.state import CloudRecord, LocalCloudError, StateDir

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from infra.local.patches import Cloud

_KEEP_ALIVE_SECONDS = 75
_LOG_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeRequest:
    state_dir: Path
    port: int | None = None
    region: str = emulator.REGION
    stop_grace_seconds: float = 10.0
    lifeline: int | None = None


class _SaveFailures(logging.Handler):
    """Remembers what could not be saved: the emulator only logs it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def serve(request: ServeRequest) -> int:
    """Run a local cloud until it is told to stop; 0 when its state was saved.

    Raises:
        LocalCloudError: it cannot start or its state could not be saved.
    """
    version = emulator.installed_version()
    state = StateDir(request.state_dir)
    state.prepare()
    state.lock()
    last = state.record()
    listener = emulator.bind(request.port, last.port if last else None)
    settings = emulator.CloudSettings(
        state=state,
        port=listener.getsockname()[1],
        region=request.region,
        stop_grace_seconds=request.stop_grace_seconds,
    )
    state.cloud_file.unlink(missing_ok=True)
    state.clean()
    emulator.enter(settings)
    failures = _log_to(state)
    record = CloudRecord(
        pid=os.getpid(),
        port=settings.port,
        endpoint_url=settings.endpoint_url,
        region=settings.region,
        account=settings.account,
        started_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        emulator_version=version,
    )
    terminal = os.dup(2)
    asyncio.run(_run(settings, listener, record, request.lifeline))
    os.dup2(terminal, 2)
    state.clean()
    if failures.messages:
        raise LocalCloudError(failures.messages[0])
    logging.shutdown()
    # Threads of the emulator that still wait for something must not hold up the end: all is saved.
    os._exit(0)


def _log_to(state: StateDir) -> _SaveFailures:
    handler = RotatingFileHandler(state.log_file, maxBytes=_LOG_BYTES, backupCount=1)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s [%(name)s] %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    failures = _SaveFailures()
    logging.getLogger("persistence").addHandler(failures)
    return failures


async def _run(
    settings: emulator.CloudSettings, listener: socket.socket, record: CloudRecord, lifeline: int | None
) -> None:
    # Imported here: the emulator reads its environment while it is imported.
    import ministack.app  # noqa: PLC0415
    from hypercorn.asyncio import serve as serve_asgi  # noqa: PLC0415
    from hypercorn.config import Config  # noqa: PLC0415

    from infra.local import patches  # noqa: PLC0415

    cloud = patches.apply(settings)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    if lifeline is not None:
        on_parent_end(lifeline, partial(loop.call_soon_threadsafe, stop.set))
    config: Any = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = _KEEP_ALIVE_SECONDS
    # Requests in flight were told that the cloud is gone: nothing waits for them.
    config.graceful_timeout = 0.5
    ready = asyncio.create_task(_announce(settings, record))

    async def stopped() -> None:
        await stop.wait()
        await asyncio.to_thread(_end_processes, cloud)

    await serve_asgi(ministack.app.app, config, shutdown_trigger=stopped)
    ready.cancel()


def _end_processes(cloud: Cloud) -> None:
    """Jobs and workers end before the state is saved: it then says what became of them."""
    cloud.stop()


async def _announce(settings: emulator.CloudSettings, record: CloudRecord) -> None:
    """Write ``cloud.json`` once the port answers; from then on standard error is the log's."""
    while True:
        try:
            _, writer = await asyncio.open_connection(emulator.HOST, settings.port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            break
    log = os.open(settings.state.log_file, os.O_WRONLY | os.O_APPEND)
    os.dup2(log, 2)
    os.close(log)
    settings.state.write_record(record)
    sys.stdout.write(f"local cloud: {settings.endpoint_url} ({settings.state.root})\n")
    sys.stdout.flush()
