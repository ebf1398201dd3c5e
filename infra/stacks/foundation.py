"""What must outlive the rest: buckets, the bus, the key."""

from aws_cdk import Duration, Stack, aws_events, aws_iam, aws_kms, aws_s3, aws_sns, aws_sns_subscriptions
from constructs import Construct

from infra.config import Stage
from shelflife.kernel.names import Prefix


class Foundation(Stack):
    """`artifacts` holds data, models and reports; `captures` what deployments were asked and answered."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage) -> None:
        super().__init__(scope, id, description=f"shelflife {stage.name}: buckets and bus")
        self.key = (
            aws_kms.Key(self, "Key", enable_key_rotation=True, removal_policy=stage.removal_policy)
            if stage.customer_key
            else None
        )
        self._stage = stage
        self._access_logs = self._bucket("AccessLogs", logged=False)
        self._access_logs.add_lifecycle_rule(expiration=Duration.days(stage.noncurrent_versions_days))
        self.artifacts = self._bucket("Artifacts")
        self.artifacts.add_lifecycle_rule(prefix=Prefix.UPLOADS, expiration=Duration.days(7))
        self.captures = self._bucket("Captures")
        self.bus = aws_events.EventBus(self, "Bus", event_bus_name=None)
        self.alarms = aws_sns.Topic(self, "Alarms", enforce_ssl=True, master_key=self.key)
        if stage.alarm_email:
            self.alarms.add_subscription(aws_sns_subscriptions.EmailSubscription(stage.alarm_email))
        self.alarms.add_to_resource_policy(
            aws_iam.PolicyStatement(
                sid="AlarmsAndRules",
                principals=[
                    aws_iam.ServicePrincipal("cloudwatch.amazonaws.com"),
                    aws_iam.ServicePrincipal("events.amazonaws.com"),
                ],
                actions=["sns:Publish"],
                resources=[self.alarms.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )

    def _bucket(self, name: str, *, logged: bool = True) -> aws_s3.Bucket:
        """Versioned, encrypted, TLS only, closed to the public."""
        stage = self._stage
        return aws_s3.Bucket(
            self,
            name,
            versioned=True,
            encryption=aws_s3.BucketEncryption.KMS
            if self.key and logged
            else aws_s3.BucketEncryption.S3_MANAGED,
            encryption_key=self.key if logged else None,
            bucket_key_enabled=True if self.key and logged else None,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=aws_s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=(
                aws_s3.ObjectOwnership.BUCKET_OWNER_ENFORCED
                if logged
                else aws_s3.ObjectOwnership.OBJECT_WRITER
            ),
            server_access_logs_bucket=self._access_logs if logged else None,
            server_access_logs_prefix=f"{name.lower()}/" if logged else None,
            removal_policy=stage.removal_policy,
            lifecycle_rules=[
                aws_s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=Duration.days(2),
                    noncurrent_version_expiration=Duration.days(stage.noncurrent_versions_days),
                )
            ],
        )
