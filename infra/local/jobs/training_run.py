"""One training job from its input's download to its model's upload."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from infra.local.jobs import image, objects, process
from infra.local.jobs.dockerfile import ImageError
from infra.local.jobs.shipping import LogShipper
from infra.local.jobs.sm_variables import sm_variables
from infra.local.jobs.tree import JOB_HOST, Tree, base_environment, write_config

if TYPE_CHECKING:
    from infra.local.emulator import CloudSettings
    from infra.local.jobs.clients import Clients

_LOG = logging.getLogger(__name__)
_LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_DAY_SECONDS = 86_400
_REASON_CHARACTERS = 1024


class TrainingRun:
    """Carries out the job described by a record and writes down there how it goes."""

    def __init__(self, job: dict[str, Any], settings: CloudSettings, clients: Clients) -> None:
        self._job = job
        self._settings = settings
        self._clients = clients
        self._tree = Tree(settings.state.jobs / job["TrainingJobName"])
        self._stop = threading.Event()
        self._enter("Starting", "Launching requested ML instances")

    def stop(self) -> None:
        self._job["TrainingJobStatus"] = "Stopping"
        self._enter("Stopping", "Stopping the training job")
        self._stop.set()

    def __call__(self) -> None:
        try:
            self._run()
        except objects.ObjectsError as error:
            self._fail(f"ClientError: {error}")
        except ImageError as error:
            self._fail(f"ClientError: {error}")
        except Exception as error:  # noqa: BLE001 - see below
            # The thread's end is the job's end: whatever went wrong has to be the job's answer.
            _LOG.exception("training job %s", self._job["TrainingJobName"])
            self._fail(f"InternalServerError: {type(error).__name__}: {error}")

    def _run(self) -> None:
        job, tree = self._job, self._tree
        tree.make()
        write_config(tree, job)
        specification = job["AlgorithmSpecification"]
        launch = image.lay_out(
            self._settings.state.images,
            specification.get("TrainingImage", specification.get("AlgorithmName", "")),
            tree.image,
            entrypoint=specification.get("ContainerEntrypoint", []),
            # SageMaker runs `docker run <image> train`.
            arguments=specification.get("ContainerArguments", ["train"]),
        )
        self._download()
        self._enter("Training", "Training image download completed. Training in progress.")
        job["TrainingStartTime"] = time.time()
        variables = {"TRAINING_JOB_NAME": job["TrainingJobName"], "TRAINING_JOB_ARN": job["TrainingJobArn"]}
        shipper = LogShipper(self._clients.of("logs"), _LOG_GROUP, self._stream(), tree.log_file)
        end = process.run(
            launch.command,
            environment=base_environment(tree, self._settings)
            | launch.environment
            | job.get("Environment", {})
            | sm_variables(tree, job)
            | variables,
            workdir=launch.workdir,
            log_file=tree.log_file,
            limits=process.Limits(
                run_seconds=job["StoppingCondition"].get("MaxRuntimeInSeconds", _DAY_SECONDS),
                stop_grace_seconds=self._settings.stop_grace_seconds,
            ),
            stop=self._stop,
            watch=shipper.ship,
        )
        shipper.ship(last=True)
        self._finish(end)

    def _stream(self) -> str:
        return f"{self._job['TrainingJobName']}/{JOB_HOST}-{int(time.time())}"

    def _download(self) -> None:
        self._enter("Downloading", "Downloading input data")
        for channel in self._job.get("InputDataConfig", ()):
            folder = self._tree.channel(channel["ChannelName"])
            folder.mkdir(parents=True)
            source = channel["DataSource"].get("S3DataSource") or {}
            objects.download(self._clients.of("s3"), source.get("S3Uri", ""), folder)

    def _finish(self, end: process.End) -> None:
        job = self._job
        job["TrainingEndTime"] = time.time()
        job["TrainingTimeInSeconds"] = job["BillableTimeInSeconds"] = max(
            1, round(job["TrainingEndTime"] - job["TrainingStartTime"])
        )
        if end.timed_out:
            self._upload()
            self._end(
                "Stopped", "MaxRuntimeExceeded", "Training job runtime exceeded MaxRuntimeInSeconds provided"
            )
        elif end.stopped:
            self._upload()
            self._end("Stopped", "Stopped", "Training job stopped by the user")
        elif end.exit_code:
            self._upload_output()
            said = self._tree.failure() or "ExitCode"
            suffix = f", exit code: {end.exit_code}"
            self._fail(f"AlgorithmError: {said}"[: _REASON_CHARACTERS - len(suffix)] + suffix)
        else:
            self._upload()
            self._end("Completed", "Completed", "Training job completed")

    def _upload(self) -> None:
        self._enter("Uploading", "Uploading generated training model")
        uri = f"{self._output_uri()}/model.tar.gz"
        objects.upload_archive(self._clients.of("s3"), self._tree.model, self._tree.job / "model.tar.gz", uri)
        self._job["ModelArtifacts"] = {"S3ModelArtifacts": uri}
        self._upload_output()

    def _upload_output(self) -> None:
        data = self._tree.output / "data"
        if any(data.iterdir()):
            archive = self._tree.job / "output.tar.gz"
            objects.upload_archive(
                self._clients.of("s3"), data, archive, f"{self._output_uri()}/output.tar.gz"
            )

    def _output_uri(self) -> str:
        root = self._job["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        return f"{root}/{self._job['TrainingJobName']}/output"

    def _fail(self, reason: str) -> None:
        self._job["FailureReason"] = reason
        self._job.setdefault("TrainingEndTime", time.time())
        self._end("Failed", "Failed", reason)

    def _end(self, status: str, secondary: str, message: str) -> None:
        self._enter(secondary, message)
        self._job["SecondaryStatusTransitions"][-1]["EndTime"] = self._job["LastModifiedTime"]
        self._job["TrainingJobStatus"] = status

    def _enter(self, secondary: str, message: str) -> None:
        now = time.time()
        transitions = self._job["SecondaryStatusTransitions"]
        if transitions:
            transitions[-1].setdefault("EndTime", now)
        transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": message})
        self._job |= {"SecondaryStatus": secondary, "LastModifiedTime": now}
