"""Where training runs: one image, a role for it, and a Batch queue on Fargate beside SageMaker."""

from aws_cdk import (
    ArnFormat,
    Duration,
    IgnoreMode,
    Stack,
    aws_batch,
    aws_ec2,
    aws_ecr_assets,
    aws_ecs,
    aws_iam,
    aws_logs,
    aws_s3,
)
from aws_cdk import Size as CdkSize
from constructs import Construct

from infra.config import ROOT, Stage
from shelflife.kernel.names import API_URL_PARAMETER, JOB_TOKEN_PARAMETER, Prefix

_IMAGE = "functions/training/train_image"
_PACKAGE = "layers/core/python"


class TrainingCompute(Construct):
    """The image is built from our package and the entry point; nothing else of the tree goes into it."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, artifacts: aws_s3.IBucket) -> None:
        super().__init__(scope, id)
        self._stage = stage
        self.image = aws_ecr_assets.DockerImageAsset(
            self,
            "Image",
            directory=str(ROOT),
            file=f"{_IMAGE}/Dockerfile",
            # Everything is left out but these; the order matters.
            exclude=["**", f"!{_PACKAGE}/**", f"!{_IMAGE}/**", "**/__pycache__"],
            ignore_mode=IgnoreMode.DOCKER,
            platform=aws_ecr_assets.Platform.LINUX_AMD64,
        )
        self.role = aws_iam.Role(
            self,
            "JobRole",
            assumed_by=aws_iam.CompositePrincipal(
                aws_iam.ServicePrincipal("sagemaker.amazonaws.com"),
                aws_iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
            ),
            description="what training code may do",
        )
        self._grant(artifacts)
        self._batch()

    def _grant(self, artifacts: aws_s3.IBucket) -> None:
        artifacts.grant_read(self.role, f"{Prefix.DATASETS}*")
        artifacts.grant_read_write(self.role, f"{Prefix.TRAINING}*")
        self.image.repository.grant_pull(self.role)
        stack = Stack.of(self)
        names = (
            API_URL_PARAMETER.format(stage=self._stage.name),
            JOB_TOKEN_PARAMETER.format(stage=self._stage.name, job_id="*"),
        )
        self.role.add_to_principal_policy(
            aws_iam.PolicyStatement(
                actions=["ssm:GetParameter"],
                resources=[
                    stack.format_arn(
                        service="ssm", resource="parameter", resource_name=name.removeprefix("/")
                    )
                    for name in names
                ],
            )
        )
        logs = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name="/aws/sagemaker/TrainingJobs*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        self.role.add_to_principal_policy(
            aws_iam.PolicyStatement(
                actions=[
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:PutLogEvents",
                    "logs:DescribeLogStreams",
                ],
                resources=[logs],
            )
        )
        self.role.add_to_principal_policy(
            aws_iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
            )
        )

    def _batch(self) -> None:
        # Public subnets without NAT cost nothing at rest; jobs only ever call out.
        vpc = aws_ec2.Vpc(
            self,
            "Vpc",
            max_azs=2,
            nat_gateways=0,
            restrict_default_security_group=False,
            subnet_configuration=[
                aws_ec2.SubnetConfiguration(
                    name="public",
                    subnet_type=aws_ec2.SubnetType.PUBLIC,
                    cidr_mask=24,
                    map_public_ip_on_launch=False,
                )
            ],
        )
        environment = aws_batch.FargateComputeEnvironment(
            self,
            "Environment",
            vpc=vpc,
            vpc_subnets=aws_ec2.SubnetSelection(subnet_type=aws_ec2.SubnetType.PUBLIC),
            maxv_cpus=64,
            spot=True,
        )
        self.queue = aws_batch.JobQueue(self, "Queue")
        self.queue.add_compute_environment(environment, 1)
        self.batch_logs = aws_logs.LogGroup(
            self, "Logs", retention=self._stage.log_retention, removal_policy=self._stage.removal_policy
        )
        self.definition = aws_batch.EcsJobDefinition(
            self,
            "Definition",
            container=aws_batch.EcsFargateContainerDefinition(
                self,
                "Container",
                image=aws_ecs.ContainerImage.from_docker_image_asset(self.image),
                cpu=2,
                memory=CdkSize.gibibytes(8),
                job_role=self.role,
                assign_public_ip=True,
                logging=aws_ecs.LogDrivers.aws_logs(stream_prefix="train", log_group=self.batch_logs),
            ),
            timeout=Duration.hours(24),
        )
