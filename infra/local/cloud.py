"""Start and stop a local cloud from a test or from the command line."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from infra.local.emulator import ACCOUNT, REGION, clean_environment
from infra.local.state import CloudRecord, LocalCloudError, StateDir

if TYPE_CHECKING:
    from types import TracebackType

_ROOT = Path(__file__).resolve().parents[2]
_POLL_SECONDS = 0.02
#: How the cloud begins a line that says why it ends.
_OWN = "local cloud: "


def running(state_dir: Path | str) -> CloudRecord | None:
    """The cloud that runs on this folder now, whoever started it."""
    state = StateDir(Path(state_dir).resolve())
    return state.record() if state.is_locked() else None


def stop_running(state_dir: Path | str, *, grace_seconds: float = 60.0) -> bool:
    """Stop the cloud that runs on this folder and wait until it has saved its state; False where none runs.

    Raises:
        LocalCloudError: it did not stop in time.
    """
    found = running(state_dir)
    if found is None:
        return False
    os.kill(found.pid, signal.SIGTERM)
    until = time.monotonic() + grace_seconds
    while running(state_dir):
        if time.monotonic() > until:
            raise LocalCloudError(f"process {found.pid} did not stop in {grace_seconds:g} s")
        time.sleep(_POLL_SECONDS)
    return True


class LocalCloud:
    """One local cloud in a process of its own.

    Args:
        state_dir: where it keeps everything; a later start with the same folder finds its state again.
        port: a fixed port; without it the last one, or a free one.
        region: AWS region that requests without one belong to.
        keep_running: leave the cloud running when this process ends without ``stop``.
        stop_grace_seconds: what a stopped job may take before it is killed.
    """

    def __init__(
        self,
        state_dir: Path | str = ".build/local",
        *,
        port: int | None = None,
        region: str = REGION,
        keep_running: bool = False,
        stop_grace_seconds: float = 10.0,
    ) -> None:
        self.state = StateDir(Path(state_dir).resolve())
        self.region = region
        self.account = ACCOUNT
        self._port = port
        self._keep_running = keep_running
        self._stop_grace_seconds = stop_grace_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline: int | None = None
        self._record: CloudRecord | None = None

    @property
    def endpoint_url(self) -> str:
        if self._record is None:
            raise LocalCloudError("the local cloud has not been started")
        return self._record.endpoint_url

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self, *, deadline_seconds: float = 30.0) -> Self:
        """Start the cloud and wait until it answers.

        Raises:
            LocalCloudError: it said why it cannot start, or it did not answer in time.
        """
        self._process = self._spawn()
        until = time.monotonic() + deadline_seconds
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise LocalCloudError(self._last_words())
            record = self.state.record()
            if record is not None and record.pid == self._process.pid:
                self._record = record
                return self
            time.sleep(_POLL_SECONDS)
        self._process.kill()
        self._process.wait()
        raise LocalCloudError(
            f"the local cloud did not answer in {deadline_seconds:g} s: see {self.state.log_file}"
        )

    def stop(self, *, grace_seconds: float = 60.0) -> None:
        """Ask the cloud to save its state and wait for it; kill it when it takes longer than the grace.

        Raises:
            LocalCloudError: the state could not be saved.
        """
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise LocalCloudError(
                f"the local cloud did not stop in {grace_seconds:g} s and was killed"
            ) from None
        finally:
            self._release()
        said = _own_words(process.stderr.read()) if process.stderr else ""
        if process.stderr:
            process.stderr.close()
        if process.returncode:
            raise LocalCloudError(said or f"the local cloud ended with {process.returncode}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "infra.local", "serve", "--state-dir", str(self.state.root)]
        command += ["--region", self.region, "--stop-grace", str(self._stop_grace_seconds)]
        if self._port:
            command += ["--port", str(self._port)]
        passed: tuple[int, ...] = ()
        if not self._keep_running:
            reader, self._lifeline = os.pipe()
            command += ["--lifeline", str(reader)]
            passed = (reader,)
        environment = clean_environment() | {"PYTHONPATH": str(_ROOT)}
        try:
            return subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command,
                cwd=_ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=passed,
                start_new_session=True,
            )
        finally:
            for descriptor in passed:
                os.close(descriptor)

    def _last_words(self) -> str:
        process, self._process = self._process, None
        self._release()
        if process is None or process.stderr is None:
            return "the local cloud has ended"
        said = _own_words(process.stderr.read())
        process.stderr.close()
        return said or f"the local cloud ended with {process.returncode}"

    def _release(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None


def _own_words(printed: bytes) -> str:
    """What the cloud itself said of its end, without what the server printed beside it."""
    lines = printed.decode(errors="replace").splitlines()
    own = [line.removeprefix(_OWN) for line in lines if line.startswith(_OWN)]
    return own[-1] if own else "\n".join(lines).strip()
