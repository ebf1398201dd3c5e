"""Who calls, and what they may do."""

from enum import StrEnum

from shelflife.kernel.ids import Moment
from shelflife.kernel.model import Model


class Role(StrEnum):
    """Each may do what the ones before it may."""

    VIEWER = "viewer"
    CONTRIBUTOR = "contributor"
    APPROVER = "approver"
    ADMIN = "admin"


class Principal(Model):
    name: str
    role: Role


class IssueJobToken(Model):
    """Asked by a workflow: a token for one job, left in an encrypted parameter."""

    job_id: str
    lifetime_seconds: int = 86_400


class JobTokenIssued(Model):
    token_id: str
    parameter_name: str
    expires_at: Moment


class RevokeJobToken(Model):
    job_id: str
    token_id: str
