"""Deployments, aliases and deployable model versions in DynamoDB.

Items:  pk = DEPLOYMENT#<name>          sk = DEPLOYMENT
            (index `listed`: list_pk = DEPLOYMENTS, list_sk = <name>)
        pk = DEPLOYMENT#<name>          sk = REVISION#<zero-padded number>
        pk = DEPLOYMENT#<name>          sk = VERSION#<model>#<zero-padded version>    its newest live revision
        pk = MODEL#<model>              sk = VERSION#<zero-padded version>
        pk = ALIAS#<model>#<alias>      sk = ALIAS
        pk = ALIAS#<model>#<alias>      sk = FOLLOWER#<deployment name>
Rollouts: see dynamo_rollouts.py.  Experiments: see dynamo_experiments.py.
News:   see aws/outbox.py.  Captures: see claims.py.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shelflife.aws.items import Item, Items, Write, is_contended, is_lost_condition
from shelflife.aws.outbox import news_write
from shelflife.contracts.models import ModelVersionReference
from shelflife.kernel.news import News
from shelflife.kernel.paging import Page
from shelflife.serving.dynamo_experiments import experiment_write
from shelflife.serving.dynamo_rollouts import rollout_write
from shelflife.serving.errors import DeploymentChangedError, DeploymentExistsError, DeploymentNotFoundError
from shelflife.serving.model import AliasMove, DeployableVersion, Deployment, Revision
from shelflife.serving.settings import LISTED

if TYPE_CHECKING:
    from shelflife.serving.experiment import Experiment
    from shelflife.serving.rollout import Rollout

_DEPLOYMENT = "DEPLOYMENT"
_LIST = "DEPLOYMENTS"
_REVISION = "REVISION#"
_VERSION = "VERSION#"
_ALIAS = "ALIAS"
_FOLLOWER = "FOLLOWER#"
_NEW = "attribute_not_exists(pk)"
_PAGE = 500


@dataclass(frozen=True, slots=True)
class DynamoDeployments:
    items: Items

    def add(self, deployment: Deployment, news: News) -> None:
        writes = (
            Write(put=_deployment_item(deployment), condition=_NEW),
            Write(put=_follower_key(deployment)),
            news_write(news),
        )
        self._transact(writes, DeploymentExistsError(deployment.name))

    def find(self, name: str) -> Deployment | None:
        item = self.items.get(_pk(name), _DEPLOYMENT)
        return _deployment(item) if item else None

    def page(self, limit: int, cursor: str | None) -> Page[Deployment]:
        index = (LISTED.name, LISTED.partition_key, LISTED.sort_key)
        found, following = self.items.query(_LIST, limit=limit, cursor=cursor, index=index)
        return Page(items=tuple(_deployment(item) for item in found), next_cursor=following)

    def remove(self, deployment: Deployment, news: News) -> None:
        writes = (
            Write(delete=_key(_pk(deployment.name), _DEPLOYMENT), condition="attribute_exists(pk)"),
            Write(delete=_follower_key(deployment)),
            news_write(news),
        )
        self._transact(writes, DeploymentNotFoundError(deployment.name))

    def change(
        self,
        deployment: Deployment,
        *,
        rollout: "Rollout | None" = None,
        experiment: "Experiment | None" = None,
        news: Sequence[News] = (),
    ) -> Deployment:
        writes = [_changing(deployment), *_beside(rollout, experiment, news)]
        self._transact(writes, DeploymentChangedError(deployment.name))
        return deployment.written

    def shift(
        self,
        deployment: Deployment,
        revision: Revision,
        *,
        rollout: "Rollout | None" = None,
        experiment: "Experiment | None" = None,
        news: Sequence[News] = (),
    ) -> Deployment:
        plain = _revision_item(revision)
        writes = [
            _changing(deployment),
            Write(put=plain | _key(_pk(deployment.name), _revision_sk(revision.revision)), condition=_NEW),
            *(
                Write(put=plain | _live_key(deployment.name, revision.model_name, version))
                for version in {variant.model_version for variant in revision.traffic.rule.live}
            ),
            *_beside(rollout, experiment, news),
        ]
        self._transact(writes, DeploymentChangedError(deployment.name))
        return deployment.written

    def revisions(self, name: str, limit: int, cursor: str | None) -> Page[Revision]:
        found, following = self.items.query(
            _pk(name), prefix=_REVISION, limit=limit, cursor=cursor, newest_first=True
        )
        return Page(items=tuple(_revision(item) for item in found), next_cursor=following)

    def revision(self, name: str, number: int) -> Revision | None:
        item = self.items.get(_pk(name), _revision_sk(number))
        return _revision(item) if item else None

    def revision_with(self, name: str, model_name: str, version: int) -> Revision | None:
        key = _live_key(name, model_name, version)
        item = self.items.get(key["pk"], key["sk"])
        return _revision(item) if item else None

    def versions(self, name: str, model_name: str) -> list[int]:
        prefix = f"{_VERSION}{model_name}#"
        return [int(item["sk"].removeprefix(prefix)) for item in _all(self.items, _pk(name), prefix)]

    def _transact(self, writes: Sequence[Write], lost: Exception) -> None:
        try:
            self.items.transact(writes)
        except ClientError as error:
            if is_lost_condition(error) or is_contended(error):
                raise lost from error
            raise


@dataclass(frozen=True, slots=True)
class DynamoAliases:
    items: Items

    def keep(self, move: AliasMove) -> bool:
        item = _key(_alias_pk(move.serving.model_name, move.alias), _ALIAS) | {
            "alias": move.alias,
            "serving": move.serving.model_dump_json(),
            "told_position": move.position,
        }
        try:
            self.items.put(item, f"{_NEW} OR told_position <= :position", values={":position": move.position})
        except ClientError as error:
            if is_lost_condition(error):
                return False
            raise
        return True

    def find(self, model_name: str, alias: str) -> AliasMove | None:
        item = self.items.get(_alias_pk(model_name, alias), _ALIAS)
        if item is None:
            return None
        return AliasMove(
            alias=item["alias"],
            serving=ModelVersionReference.model_validate_json(item["serving"]),
            position=item["told_position"],
        )

    def followers(self, model_name: str, alias: str) -> list[str]:
        found = _all(self.items, _alias_pk(model_name, alias), _FOLLOWER)
        return [item["sk"].removeprefix(_FOLLOWER) for item in found]


@dataclass(frozen=True, slots=True)
class DynamoVersions:
    items: Items

    def keep(self, version: DeployableVersion) -> None:
        key = _version_key(version.reference.model_name, version.reference.version)
        self.items.put(key | {"deployable": version.model_dump_json()})

    def find(self, model_name: str, version: int) -> DeployableVersion | None:
        key = _version_key(model_name, version)
        item = self.items.get(key["pk"], key["sk"])
        return DeployableVersion.model_validate_json(item["deployable"]) if item else None


def _pk(name: str) -> str:
    return f"DEPLOYMENT#{name}"


def _alias_pk(model_name: str, alias: str) -> str:
    return f"ALIAS#{model_name}#{alias}"


def _revision_sk(number: int) -> str:
    return f"{_REVISION}{number:08d}"


def _key(pk: str, sk: str) -> Item:
    return {"pk": pk, "sk": sk}


def _live_key(name: str, model_name: str, version: int) -> Item:
    return _key(_pk(name), f"{_VERSION}{model_name}#{version:08d}")


def _version_key(model_name: str, version: int) -> Item:
    return _key(f"MODEL#{model_name}", f"{_VERSION}{version:08d}")


def _follower_key(deployment: Deployment) -> Item:
    return _key(_alias_pk(deployment.model_name, deployment.alias), f"{_FOLLOWER}{deployment.name}")


def _changing(deployment: Deployment) -> Write:
    return Write(
        put=_deployment_item(deployment.written),
        condition="#change = :before",
        values={":before": deployment.change},
        names={"#change": "change"},
    )


def _beside(rollout: "Rollout | None", experiment: "Experiment | None", news: Sequence[News]) -> list[Write]:
    return [
        *([rollout_write(rollout)] if rollout else []),
        *([experiment_write(experiment)] if experiment else []),
        *(news_write(one) for one in news),
    ]


#: Kept as text, for they hold floats that DynamoDB's numbers cannot all hold.
_TEXTS = ("traffic", "stable", "capture")


def _deployment_item(deployment: Deployment) -> Item:
    listed = {LISTED.partition_key: _LIST, LISTED.sort_key: deployment.name}
    return _plain(deployment) | listed | _key(_pk(deployment.name), _DEPLOYMENT)


def _deployment(item: Item) -> Deployment:
    return Deployment.model_validate(_fields(item, Deployment))


def _revision_item(revision: Revision) -> Item:
    return _plain(revision)


def _revision(item: Item) -> Revision:
    return Revision.model_validate(_fields(item, Revision))


def _plain(record: Deployment | Revision) -> Item:
    plain: dict[str, Any] = record.model_dump(mode="json")
    return plain | {name: json.dumps(plain[name]) for name in _TEXTS if plain.get(name) is not None}


def _fields(item: Item, kind: type[Deployment] | type[Revision]) -> dict[str, Any]:
    fields = {name: item[name] for name in kind.model_fields if name in item}
    return fields | {name: json.loads(fields[name]) for name in _TEXTS if name in fields}


def _all(items: Items, pk: str, prefix: str) -> list[Item]:
    found, cursor = items.query(pk, prefix=prefix, limit=_PAGE)
    while cursor:
        more, cursor = items.query(pk, prefix=prefix, limit=_PAGE, cursor=cursor)
        found += more
    return found
