"""Task: leave a token for a job where only the job can read it."""

from datetime import timedelta

from shelflife.access.wiring import access
from shelflife.contracts.access import IssueJobToken, JobTokenIssued
from shelflife.entry.task import task


@task(IssueJobToken)
def handler(asked: IssueJobToken) -> JobTokenIssued:
    return access().issue_job_token(asked.job_id, timedelta(seconds=asked.lifetime_seconds))
