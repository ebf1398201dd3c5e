"""Task: end a job's token when the job is over."""

from shelflife.access.wiring import access
from shelflife.contracts.access import RevokeJobToken
from shelflife.entry.task import task


@task(RevokeJobToken)
def handler(asked: RevokeJobToken) -> None:
    access().revoke_job_token(asked.job_id, asked.token_id)
