"""Execution environments as the emulator's pool keeps them: stock's worker with our process inside."""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

import contextlib
import datetime as dt
import json
import secrets
import shutil
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from infra.local.content import ContentStore
from infra.local.functions import failures
from infra.local.functions.environment import TIMEOUT_SECONDS, function_environment
from infra.local.functions.runtime_folder import link_runtime
from infra.local.functions.worker import Answer, WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.emulator import CloudSettings

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html: the init phase's own limit.
_INIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One invocation as the pool's callers and the log need it."""

    body: Any
    failed: bool
    log: str
    log_stream: str
    peak_memory_mb: int = 0
    init_ms: float | None = None


class Sandbox:
    """What all environments of one cloud share: content, runtime and where the cloud is."""

    def __init__(self, settings: CloudSettings) -> None:
        self.endpoint_url = settings.endpoint_url
        self.temporary = settings.state.tmp
        self.content = ContentStore(settings.state.content, settings.state.tmp)
        self._runtime = settings.state.runtime
        self._link = threading.Lock()
        self._linked: Path | None = None

    def runtime(self) -> Path:
        with self._link:
            if self._linked is None:
                self._linked = link_runtime(self._runtime)
            return self._linked

    def search_path(self, config: Mapping[str, Any], code_zip: bytes) -> list[str]:
        """The task's folder, its layers' (a later layer covers an earlier one, as in /opt), the runtime's."""
        task = self.content.unpacked(code_zip, code_sha256=config.get("CodeSha256", ""))
        layers = []
        for layer in reversed(config.get("Layers") or []):
            archive = lambda_svc._resolve_layer_zip(layer)
            if archive:
                layers.append(self.content.unpacked(archive, code_sha256=_layer_digest(layer)))
        folders = [found for layer in layers for found in _python_folders(layer)]
        return [str(folder) for folder in (task, *folders, self.runtime())]


def _python_folders(layer: Path) -> list[Path]:
    import sys  # noqa: PLC0415 - only for its version

    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = (layer / "python" / "lib" / version / "site-packages", layer / "python")
    return [folder for folder in candidates if folder.is_dir()]


def _layer_digest(layer: Any) -> str:
    """The digest that the layer's version was published with."""
    arn = layer if isinstance(layer, str) else layer.get("Arn", "")
    *_, account, _kind, name, version = arn.split(":")
    region = arn.split(":")[3]
    found, _ = lambda_svc._find_layer_version(name, int(version), account, region, include_deleted=True)
    return str(found["Content"]["CodeSha256"]) if found else ""


class FunctionWorker(lambda_runtime.Worker):  # type: ignore[misc]  # ministack has no types
    """A pooled execution environment of a Python function."""

    sandbox: Sandbox

    def __init__(self, func_name: str, config: dict[str, Any], code_zip: bytes) -> None:
        super().__init__(func_name, config, code_zip)
        self._worker: WorkerProcess | None = None
        self._proc: Any = None
        self._folder: Path | None = None
        self._init_ms: float | None = None
        self.log_stream = ""

    def _spawn(self) -> None:
        """Start the process and import the handler; the emulator calls this to warm up published versions."""
        if failed := self._start(""):
            raise RuntimeError(failed.body["errorMessage"])

    def invoke(  # noqa: PLR0913 - stock's signature
        self,
        event: Any,
        request_id: str,
        *,
        trace_id: str | None = None,
        depth: int | None = None,
        durable: Mapping[str, str] | None = None,
        invoked_function_arn: str | None = None,
    ) -> Outcome:
        payload = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        with self._lock:
            if len(payload) > failures.MAX_REQUEST_BYTES:
                return Outcome(
                    body=failures.request_too_large(), failed=True, log="", log_stream=self.log_stream
                )
            if self._worker is None or self._worker.process.poll() is not None:
                failed = self._start(request_id)
                if failed:
                    return failed
            worker = self._worker
            if worker is None:
                raise RuntimeError(self.func_name)
            timeout = float(self.config.get("Timeout") or TIMEOUT_SECONDS)
            own = {
                name: (durable or {}).get(key, "") for name, key in lambda_runtime.DURABLE_ENV_VARS.items()
            }
            call = {
                "request_id": request_id,
                "arn": invoked_function_arn or self.config.get("FunctionArn", ""),
                "deadline_ms": (time.time() + timeout) * 1000,
                "environment": {
                    **own,
                    "_X_AMZN_TRACE_ID": trace_id or "",
                    lambda_runtime.INVOKE_DEPTH_ENV: "" if depth is None else str(depth),
                },
            }
            return self._outcome(worker.call(payload, call, timeout), request_id)

    def _start(self, request_id: str) -> Outcome | None:
        """A fresh process; what it failed with, if it did."""
        self._discard_tmpdir()
        began = time.monotonic()
        today = dt.datetime.now(dt.UTC).strftime("%Y/%m/%d")
        self.log_stream = f"{today}/[{self.config.get('Version') or '$LATEST'}]{secrets.token_hex(16)}"
        self._folder = Path(tempfile.mkdtemp(prefix="function-", dir=self.sandbox.temporary))
        path = self.sandbox.search_path(self.config, self.code_zip)
        environment = function_environment(
            self.config,
            task_root=path[0],
            endpoint_url=self.sandbox.endpoint_url,
            credentials=lambda_runtime.execution_credentials(self.config),
            log_stream=self.log_stream,
            temporary=str(self._folder),
        )
        self._worker = WorkerProcess(path, environment, Path(path[0]))
        self._proc = self._worker.process
        started = self._worker.start(_INIT_SECONDS + float(self.config.get("Timeout") or TIMEOUT_SECONDS))
        self._init_ms = (time.monotonic() - began) * 1000
        self._init_log = started.log
        if started.kind == "I":
            self._cold = False
            return None
        return self._outcome(started, request_id)

    def _outcome(self, answer: Answer, request_id: str) -> Outcome:
        body, failed = self._read(answer, request_id)
        if answer.kind not in "RE":
            self._discard_tmpdir()
        init_ms, self._init_ms = self._init_ms, None
        init_log, self._init_log = self._init_log, ""
        lines = (init_log if answer.kind != "F" else "", answer.log, _platform_line(answer, body))
        return Outcome(
            body=body,
            failed=failed,
            log="\n".join(line for line in lines if line),
            log_stream=self.log_stream,
            peak_memory_mb=answer.peak_memory_mb,
            init_ms=init_ms,
        )

    def _read(self, answer: Answer, request_id: str) -> tuple[Any, bool]:
        if answer.kind == "late":
            return failures.timed_out(float(self.config.get("Timeout") or TIMEOUT_SECONDS), request_id), True
        if answer.kind == "exited":
            return failures.exited(answer, request_id), True
        if len(answer.payload) > failures.MAX_RESPONSE_BYTES:
            return failures.too_large(len(answer.payload)), True
        return answer.body(), answer.kind != "R"

    def _discard_tmpdir(self) -> None:
        """End the process and remove what it left; the pool calls this when it drops the environment."""
        worker, self._worker, self._proc = self._worker, None, None
        if worker:
            worker.close()
        folder, self._folder = self._folder, None
        if folder:
            with contextlib.suppress(OSError):
                shutil.rmtree(folder)

    _init_log = ""


def _platform_line(answer: Answer, body: Any) -> str:
    """What Lambda itself adds to the log of an environment that did not answer properly."""
    if answer.kind in ("late", "exited") or (
        body.__class__ is dict and body.get("errorType") == "Function.ResponseSizeTooLarge"
    ):
        return str(body["errorMessage"])
    return ""
