"""Secrets in Parameter Store, encrypted with the account's own key."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


@dataclass(frozen=True, slots=True)
class SsmSecrets:
    client: "SSMClient"

    def put(self, name: str, value: str) -> None:
        self.client.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)

    def remove(self, name: str) -> None:
        # Unlike delete_parameter, this one does not mind a name that is not there.
        self.client.delete_parameters(Names=[name])
