"""Requests checked against AWS's own model: boto3 does so for its callers, a state machine has no boto3."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import Shape


class JobApiError(Exception):
    """A refused request, with the code that AWS answers."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@functools.cache
def _model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def check(service: str, operation: str, request: Mapping[str, Any], *, code: str) -> None:
    """Refuse what AWS's model of the operation refuses.

    Raises:
        JobApiError: a member is missing, unknown or of another type.
    """
    found = ParamValidator().validate(dict(request), input_shape(service, operation))
    if found.has_errors():
        raise JobApiError(code, found.generate_report())


def input_shape(service: str, operation: str) -> Shape:
    shape: Shape = _model(service).operation_model(operation).input_shape  # type: ignore[assignment]  # all have one
    return shape


def output_shape(service: str, operation: str) -> Shape:
    shape: Shape = _model(service).operation_model(operation).output_shape  # type: ignore[assignment]  # likewise
    return shape
