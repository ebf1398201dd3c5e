"""What AWS does and the pinned emulator does not: one module per difference, one list to apply them.

Import this package only in the process of a cloud: the emulator reads its environment while it is imported.
"""

# ruff: noqa: SLF001 - the seam to the emulator: its hooks are its own names

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ministack import app

from infra.local.patches import (
    alarm_resources,
    alias_weights,
    function_workers,
    http_api,
    http_api_limits,
    job_resources,
    job_services,
    layer_content,
    log_filters,
    schedules,
    stream_batches,
    table_queries,
    table_resources,
    workflow_aborts,
    workflow_callbacks,
    workflow_jobs,
    workflow_limits,
    workflow_nested,
    workflow_retries,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.content import ContentStore
    from infra.local.emulator import CloudSettings
    from infra.local.jobs.batch import BatchJobs
    from infra.local.jobs.training import TrainingJobs


@dataclass(slots=True)
class Cloud:
    """What patches share: the settings, parts that one makes for another, what to do at start and at stop."""

    settings: CloudSettings
    at_stop: list[Callable[[], None]] = field(default_factory=list)
    after_restore: list[Callable[[], None]] = field(default_factory=list)
    content: ContentStore = field(init=False)
    training_jobs: TrainingJobs = field(init=False)
    batch_jobs: BatchJobs = field(init=False)

    def stop(self) -> None:
        for act in self.at_stop:
            act()


# In this order: a later patch may wrap what an earlier one put there, or use a part that it made.
PATCHES: tuple[Callable[[Cloud], None], ...] = (
    function_workers.apply,
    alias_weights.apply,
    layer_content.apply,
    job_services.apply,
    job_resources.apply,
    workflow_limits.apply,
    workflow_retries.apply,
    workflow_aborts.apply,
    workflow_callbacks.apply,
    workflow_jobs.apply,
    workflow_nested.apply,
    http_api.apply,
    http_api_limits.apply,
    schedules.apply,
    stream_batches.apply,
    table_queries.apply,
    table_resources.apply,
    alarm_resources.apply,
    log_filters.apply,
)


def apply(settings: CloudSettings) -> Cloud:
    """Make the emulator in this process behave like AWS where a stack can tell the difference."""
    cloud = Cloud(settings)
    for patch in PATCHES:
        patch(cloud)
    stock_load = app._load_persisted_state

    def load() -> None:
        stock_load()
        for act in cloud.after_restore:
            act()

    app._load_persisted_state = load
    return cloud
