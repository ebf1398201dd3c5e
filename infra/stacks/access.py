from aws_cdk import CfnOutput, aws_iam, aws_lambda
from constructs import Construct

from infra.config import Stage
from infra.constructs.python_function import PythonFunction
from infra.constructs.routes import Route
from infra.stacks.context import ContextStack
from infra.stacks.foundation import Foundation
from shelflife.access.settings import TABLE, AccessSettings
from shelflife.kernel.names import JOB_TOKEN_PARAMETER, Context


class AccessStack(ContextStack):
    """API tokens: the authorizer, the tokens' own routes, and the tokens of jobs."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, foundation: Foundation) -> None:
        super().__init__(scope, id, stage=stage, context=Context.ACCESS, table=TABLE, foundation=foundation)
        self._settings = AccessSettings(access_table_name=self.table.table_name, stage_name=stage.name)
        self.authorize = self._function("Authorize", "access/authorize")
        self.table.grant_read_data(self.authorize)
        self.authorize_pages = self._function("AuthorizePages", "access/authorize_pages")
        self.table.grant_read_data(self.authorize_pages)
        sign_in = self._function("SignIn", "access/sign_in")
        self.table.grant_read_data(sign_in)
        api = self._function("Api", "access/api")
        self.table.grant_read_write_data(api)
        self.routes = [
            Route("/v1/access/{proxy+}", api),
            Route("/sign-in", sign_in, methods=("GET", "POST"), pages=True),
            Route("/sign-out", sign_in, methods=("POST",), pages=True),
        ]

        issue_token = self._function("IssueToken", "access/issue_token")
        self.table.grant_write_data(issue_token)
        CfnOutput(
            self,
            "IssueTokenFunction",
            value=issue_token.function_name,
            description="invoked by an operator to make the first token",
        )
        self.issue_job_token = self._function("IssueJobToken", "access/issue_job_token")
        self.revoke_job_token = self._function("RevokeJobToken", "access/revoke_job_token")
        self._grant_job_tokens(self.issue_job_token, "ssm:PutParameter")
        self._grant_job_tokens(self.revoke_job_token, "ssm:DeleteParameters")

    def _function(self, id: str, source: str) -> aws_lambda.Function:
        return PythonFunction(self, id, stage=self.stage, source=source, settings=self._settings).function

    def _grant_job_tokens(self, function: aws_lambda.Function, action: str) -> None:
        self.table.grant_write_data(function)
        name = JOB_TOKEN_PARAMETER.format(stage=self.stage.name, job_id="*").removeprefix("/")
        function.add_to_role_policy(
            # Parameter Store has no grant for parameters that do not exist yet.
            aws_iam.PolicyStatement(
                actions=[action],
                resources=[self.format_arn(service="ssm", resource="parameter", resource_name=name)],
            )
        )
