"""One batch job through its attempts."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from infra.local.jobs import image, process
from infra.local.jobs.dockerfile import ImageError
from infra.local.jobs.shipping import LogShipper
from infra.local.jobs.tree import Tree, base_environment

if TYPE_CHECKING:
    from infra.local.emulator import CloudSettings
    from infra.local.jobs.clients import Clients

_LOG = logging.getLogger(__name__)
#: Where logs go whose definition does not say.
_LOG_GROUP = "/aws/batch/job"
_TIMEOUT = "Job attempt duration exceeded timeout"


class BatchRun:
    """Carries out the job described by a record and writes down there how it goes."""

    def __init__(self, job: dict[str, Any], settings: CloudSettings, clients: Clients) -> None:
        self._job = job
        self._settings = settings
        self._clients = clients
        self._stop = threading.Event()
        self._reason = ""

    def stop(self, reason: str) -> None:
        self._reason = reason
        self._stop.set()

    def __call__(self) -> None:
        job = self._job
        try:
            for number in range(1, job["retryStrategy"].get("attempts", 1) + 1):
                if self._attempt(number):
                    return
        except Exception as error:  # noqa: BLE001 - see below
            # The thread's end is the job's end: whatever went wrong has to be the job's answer.
            _LOG.exception("batch job %s", job["jobId"])
            self._end("FAILED", f"{type(error).__name__}: {error}")

    def _attempt(self, number: int) -> bool:
        """Run the command once; True when that was the last attempt."""
        job = self._job
        # A folder per attempt: on AWS each gets a fresh container.
        tree = Tree(self._settings.state.jobs / f"{job['jobId']}-{number}")
        tree.make()
        (tree.job / ".batch").write_text(job["jobId"])
        job["status"] = "STARTING"
        started_at = int(time.time() * 1000)
        stream = f"{job['jobDefinition'].rpartition('/')[2].partition(':')[0]}/default/{uuid.uuid4().hex}"
        container = job["container"]
        container["logStreamName"] = stream
        try:
            end: process.End | None = self._run(tree, number, stream)
            reason = ""
        except ImageError as error:
            end, reason = None, str(error)
        attempt: dict[str, Any] = {
            "startedAt": started_at,
            "stoppedAt": int(time.time() * 1000),
            "statusReason": reason or "Essential container in task exited",
            "container": {"logStreamName": stream},
        }
        if end is None:
            container["reason"] = attempt["container"]["reason"] = reason
        else:
            container["exitCode"] = attempt["container"]["exitCode"] = end.exit_code
        job["attempts"].append(attempt)
        return self._judge(end, reason, number)

    def _judge(self, end: process.End | None, reason: str, number: int) -> bool:
        job = self._job
        if end and end.stopped:
            self._end("FAILED", self._reason)
        elif end and end.timed_out:
            # A timed-out job is not tried again: https://docs.aws.amazon.com/batch/latest/userguide/job_timeouts.html.
            self._end("FAILED", _TIMEOUT)
        elif end and end.exit_code == 0:
            self._end("SUCCEEDED", "Essential container in task exited")
        elif number < job["retryStrategy"].get("attempts", 1):
            job["status"] = "RUNNABLE"
            return False
        else:
            self._end("FAILED", reason or "Essential container in task exited")
        return True

    def _run(self, tree: Tree, number: int, stream: str) -> process.End:
        job = self._job
        container = job["container"]
        launch = image.lay_out(
            self._settings.state.images,
            container.get("image", ""),
            tree.image,
            entrypoint=[],
            arguments=container["command"] or None,
        )
        options = (container.get("logConfiguration") or {}).get("options") or {}
        group = options.get("awslogs-group", _LOG_GROUP)
        shipper = LogShipper(self._clients.of("logs"), group, stream, tree.log_file)
        own = {pair["name"]: pair["value"] for pair in container["environment"]}
        given = {
            "AWS_BATCH_JOB_ID": job["jobId"],
            "AWS_BATCH_JOB_ATTEMPT": str(number),
            "AWS_BATCH_JQ_NAME": job["jobQueue"].rpartition("/")[2],
            "AWS_BATCH_CE_NAME": "local",
        }
        job["startedAt"] = int(time.time() * 1000)
        job["status"] = "RUNNING"
        end = process.run(
            launch.command,
            # The tree's place wins: on AWS the image makes it at /opt/ml, which two jobs here would share.
            environment=launch.environment | own | base_environment(tree, self._settings) | given,
            workdir=launch.workdir,
            log_file=tree.log_file,
            limits=process.Limits(
                run_seconds=job["timeout"].get("attemptDurationSeconds"),
                stop_grace_seconds=self._settings.stop_grace_seconds,
            ),
            stop=self._stop,
            watch=shipper.ship,
        )
        shipper.ship(last=True)
        return end

    def _end(self, status: str, reason: str) -> None:
        self._job |= {"stoppedAt": int(time.time() * 1000), "statusReason": reason}
        self._job["status"] = status
