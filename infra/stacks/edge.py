"""The HTTP API, composed from what the contexts offer; no context knows it."""

import json
from collections.abc import Sequence

from aws_cdk import CfnOutput, Duration, Stack, aws_apigatewayv2, aws_lambda, aws_logs, aws_ssm
from aws_cdk.aws_apigatewayv2_authorizers import HttpLambdaAuthorizer, HttpLambdaResponseType
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from infra.config import Stage
from infra.constructs.routes import Route
from shelflife.kernel.names import API_URL_PARAMETER

_LOG_FIELDS = {
    "at": "$context.requestTime",
    "id": "$context.requestId",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "route": "$context.routeKey",
    "status": "$context.status",
    "milliseconds": "$context.responseLatency",
    "bytes": "$context.responseLength",
    "principal": "$context.authorizer.principal",
    "error": "$context.error.message",
}


class EdgeStack(Stack):
    """One URL for everything: authorizer with cached answers, access log, throttling; CORS is off."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        authorize: aws_lambda.IFunction,
        authorize_pages: aws_lambda.IFunction,
        routes: Sequence[Route],
    ) -> None:
        super().__init__(scope, id, description=f"shelflife {stage.name}: the HTTP API")
        self._stage = stage
        self._integrations: dict[aws_lambda.IFunction, HttpLambdaIntegration] = {}
        self.api = aws_apigatewayv2.HttpApi(
            self, "Api", api_name=stage.stack_prefix, create_default_stage=False, description="shelflife"
        )
        self._authorizer = HttpLambdaAuthorizer(
            "Authorizer",
            authorize,
            response_types=[HttpLambdaResponseType.SIMPLE],
            identity_source=["$request.header.Authorization"],
            results_cache_ttl=Duration.seconds(60),
        )
        # Its answers are not kept: what tells one caller from another is in either of two headers.
        self._pages_authorizer = HttpLambdaAuthorizer(
            "PagesAuthorizer",
            authorize_pages,
            response_types=[HttpLambdaResponseType.SIMPLE],
            identity_source=[],
            results_cache_ttl=Duration.seconds(0),
        )
        for route in routes:
            self._add(route)
        self._add_stage()
        url = self.api.api_endpoint
        aws_ssm.StringParameter(
            self, "UrlParameter", parameter_name=API_URL_PARAMETER.format(stage=stage.name), string_value=url
        )
        CfnOutput(self, "ApiUrl", value=url)

    def _add(self, route: Route) -> None:
        if route.function not in self._integrations:
            self._integrations[route.function] = HttpLambdaIntegration(
                f"Integration{len(self._integrations)}", route.function
            )
        for path, pages in route.paths.items():
            self.api.add_routes(
                path=path,
                methods=[aws_apigatewayv2.HttpMethod[method] for method in route.methods],
                integration=self._integrations[route.function],
                authorizer=self._authorizer_of(route, pages=pages),
            )

    def _authorizer_of(self, route: Route, *, pages: bool) -> aws_apigatewayv2.IHttpRouteAuthorizer:
        if route.public:
            return aws_apigatewayv2.HttpNoneAuthorizer()
        return self._pages_authorizer if pages else self._authorizer

    def _add_stage(self) -> None:
        logs = aws_logs.LogGroup(
            self,
            "AccessLogs",
            log_group_name=f"/aws/vendedlogs/apigateway/{self._stage.stack_prefix}",
            retention=self._stage.log_retention,
            removal_policy=self._stage.removal_policy,
        )
        stage = aws_apigatewayv2.HttpStage(
            self,
            "Default",
            http_api=self.api,
            stage_name="$default",
            auto_deploy=True,
            throttle=aws_apigatewayv2.ThrottleSettings(
                rate_limit=self._stage.throttle_rate, burst_limit=self._stage.throttle_burst
            ),
        )
        # The construct's own setting has a fixed format; ours holds what an operator asks for.
        resource = stage.node.default_child
        if not isinstance(resource, aws_apigatewayv2.CfnStage):
            raise TypeError(type(resource))
        resource.access_log_settings = aws_apigatewayv2.CfnStage.AccessLogSettingsProperty(
            destination_arn=logs.log_group_arn, format=json.dumps(_LOG_FIELDS)
        )
