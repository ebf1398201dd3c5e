"""What tracing is asked by the workflow that removes experiments for good."""

from shelflife.kernel.model import Model


class RemoveTraces(Model):
    """Remove an experiment's traces for good, some at a time; `removed` is how many have gone before.

    A dry run counts them.
    """

    experiment_id: str
    dry_run: bool
    removed: int = 0


class TracesRemoved(Model):
    """`more` says that there are some left: ask again."""

    removed: int
    more: bool
