"""Registered models in DynamoDB (keys.py)."""

from collections.abc import Sequence
from dataclasses import dataclass

from botocore.exceptions import ClientError

from shelflife.aws.items import Items, Write, is_contended, is_lost_condition, lost_conditions
from shelflife.aws.outbox import news_write
from shelflife.kernel.news import News
from shelflife.kernel.paging import Page
from shelflife.registry import keys
from shelflife.registry.dynamo_commits import is_too_large, written_by
from shelflife.registry.errors import (
    ModelRecordTooLargeError,
    ModelVersionExistsError,
    RegisteredModelChangedError,
    RegisteredModelExistsError,
)
from shelflife.registry.model import Change, RegisteredModel
from shelflife.registry.ports import Commit
from shelflife.registry.records import (
    NEW,
    change_write,
    cursor_at,
    id_item,
    model_item,
    model_of,
    tenure_writes,
)


@dataclass(frozen=True, slots=True)
class DynamoRegisteredModels:
    items: Items

    def add(self, model: RegisteredModel, change: Change) -> None:
        writes = [
            Write(put=model_item(model), condition=NEW),
            Write(put=id_item(model)),
            change_write(change),
            *tenure_writes(None, model, change),
        ]
        try:
            self.items.transact(writes)
        except ClientError as error:
            if is_lost_condition(error) or is_contended(error):
                raise RegisteredModelExistsError(model.name) from error
            raise _refused(error, model.name) from error

    def find(self, name: str) -> RegisteredModel | None:
        item = self.items.get(*keys.place(keys.name_key(name)))
        return model_of(item) if item else None

    def named(self, model_ids: Sequence[str]) -> dict[str, RegisteredModel]:
        ids = [keys.place(keys.id_key(model_id)) for model_id in dict.fromkeys(model_ids)]
        names = [keys.place(keys.name_key(item["name"])) for item in self.items.get_many(ids)]
        models = (model_of(item) for item in self.items.get_many(names))
        return {model.model_id: model for model in models if model.model_id in model_ids}

    def commit(self, commit: Commit) -> None:
        writes = written_by(commit)
        try:
            self.items.transact(writes)
        except ClientError as error:
            if not (is_lost_condition(error) or is_contended(error)):
                raise _refused(error, commit.model.name) from error
            jobs = [at for at, write in enumerate(writes) if (write.put or {}).get("sk") == "JOB"]
            if commit.added is not None and set(jobs) & set(lost_conditions(error)):
                raise ModelVersionExistsError(commit.model.name, commit.added.version) from error
            raise RegisteredModelChangedError(commit.model.name) from error

    def rename(self, before: RegisteredModel, after: RegisteredModel, change: Change) -> None:
        writes = [
            Write(put=model_item(after), condition=NEW),
            _removal(before),
            Write(put=id_item(after)),
            change_write(change),
            *tenure_writes(before, after, change),
        ]
        try:
            self.items.transact(writes)
        except ClientError as error:
            if 0 in lost_conditions(error):
                raise RegisteredModelExistsError(after.name) from error
            if is_lost_condition(error) or is_contended(error):
                raise RegisteredModelChangedError(before.name) from error
            raise

    def remove(self, model: RegisteredModel, change: Change, news: News) -> None:
        writes = [
            _removal(model),
            Write(delete=keys.id_key(model.model_id)),
            change_write(change),
            *tenure_writes(model, None, change),
            news_write(news),
        ]
        try:
            self.items.transact(writes)
        except ClientError as error:
            if is_lost_condition(error) or is_contended(error):
                raise RegisteredModelChangedError(model.name) from error
            raise

    def page(  # noqa: PLR0913 - see the port
        self,
        *,
        prompts: bool,
        by_age: bool,
        backwards: bool,
        prefix: str,
        limit: int,
        cursor: str | None,
    ) -> Page[RegisteredModel]:
        found, following = self.items.query(
            keys.models_pk(prompts=prompts),
            prefix=prefix,
            limit=limit,
            cursor=cursor,
            newest_first=backwards,
            index=keys.BY_AGE if by_age else keys.BY_NAME,
        )
        return Page(items=tuple(model_of(item) for item in found), next_cursor=following)

    def after(self, model: RegisteredModel, *, by_age: bool) -> str:
        return cursor_at(model_item(model), keys.BY_AGE if by_age else keys.BY_NAME)


def _removal(model: RegisteredModel) -> Write:
    """Holds of one that was made again, too: the entry of the history that comes with it does not."""
    condition, values = "revision = :seen", {":seen": model.revision}
    return Write(delete=keys.name_key(model.name), condition=condition, values=values)


def _refused(error: ClientError, name: str) -> Exception:
    return ModelRecordTooLargeError(name) if is_too_large(error) else error
