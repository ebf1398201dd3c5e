"""A plan in the words of the service that runs it.

SageMaker allows hyperparameters of 2,500 characters, so the plan itself is in S3 and the job is told where.
No input channel is named: the job reads its rows from S3 by the URI in the plan, on Batch as on SageMaker.
"""

from dataclasses import dataclass
from typing import Any

from shelflife.training.model import Backend, TrainingPlan

#: Gigabytes for the image's own files, a dataset and what is made of it.
_VOLUME_GB = 30


@dataclass(frozen=True, slots=True)
class Backends:
    """Where jobs run in this installation."""

    stage_name: str
    region: str
    image_uri: str
    role_arn: str
    job_queue_arn: str
    job_definition_arn: str
    default_instance_type: str

    def job_name(self, job_id: str) -> str:
        """The job's name there; it can be used once, so a job is never run twice at a time."""
        return f"shelflife-{self.stage_name}-{job_id}"

    def parameters(self, job_id: str, plan: TrainingPlan, output_uri: str) -> dict[str, dict[str, Any]]:
        """The service's parameters under the backend's name."""
        if plan.backend is Backend.SAGEMAKER:
            return {Backend.SAGEMAKER.value: self._sagemaker(job_id, plan, output_uri)}
        return {Backend.BATCH.value: self._batch(job_id, plan)}

    def _sagemaker(self, job_id: str, plan: TrainingPlan, output_uri: str) -> dict[str, Any]:
        return {
            "TrainingJobName": self.job_name(job_id),
            "AlgorithmSpecification": {"TrainingImage": self.image_uri, "TrainingInputMode": "File"},
            "RoleArn": self.role_arn,
            "OutputDataConfig": {"S3OutputPath": f"{output_uri}sagemaker"},
            "ResourceConfig": {
                "InstanceType": plan.resources.instance_type or self.default_instance_type,
                "InstanceCount": 1,
                "VolumeSizeInGB": _VOLUME_GB,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": plan.limits.max_seconds},
            # The job talks to S3, Parameter Store and our API.
            "EnableNetworkIsolation": False,
            "Environment": {"AWS_DEFAULT_REGION": self.region},
        }

    def _batch(self, job_id: str, plan: TrainingPlan) -> dict[str, Any]:
        return {
            "JobName": self.job_name(job_id),
            "JobQueue": self.job_queue_arn,
            "JobDefinition": self.job_definition_arn,
            "ResourceRequirements": [
                {"Type": "VCPU", "Value": str(plan.resources.vcpus)},
                {"Type": "MEMORY", "Value": str(plan.resources.memory_mb)},
            ],
            "Timeout": {"AttemptDurationSeconds": plan.limits.max_seconds},
            "Region": self.region,
        }
