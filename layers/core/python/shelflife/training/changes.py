from collections.abc import Callable

from shelflife.training.errors import TrainingJobChangedError, TrainingJobNotFoundError
from shelflife.training.model import TrainingJob
from shelflife.training.ports import Jobs

_TRIES = 5


def changed(jobs: Jobs, job_id: str, change: Callable[[TrainingJob], TrainingJob]) -> TrainingJob:
    """The job after a change, which is made again on what somebody else has written first.

    `change` may raise, which leaves the job as it is, or answer it unchanged, which writes nothing.

    Raises:
        TrainingJobNotFoundError: there is no such job.
        TrainingJobChangedError: others were first every time.
    """
    for attempt in range(_TRIES):
        job = jobs.find(job_id)
        if job is None:
            raise TrainingJobNotFoundError(job_id)
        wanted = change(job)
        if wanted == job:
            return job
        try:
            return jobs.change(wanted)
        except TrainingJobChangedError:
            if attempt == _TRIES - 1:
                raise
    raise AssertionError  # the last attempt answers or raises
