"""Task: say which version has an alias, if it can be served."""

from shelflife.contracts.registry import AliasFound, FindAlias
from shelflife.entry.task import task
from shelflife.registry.wiring import promotion


@task(FindAlias)
def handler(asked: FindAlias) -> AliasFound:
    return AliasFound(found=promotion().serving(asked.model_name, asked.alias))
