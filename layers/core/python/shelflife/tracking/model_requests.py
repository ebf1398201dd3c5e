"""What MLflow's clients send of logged models."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from shelflife.tracking.logged_model import LoggedModelStatus
from shelflife.tracking.logged_models import LoggedModelSearch, OrderBy
from shelflife.tracking.requests import Key, ParamValue, Request, SentTag

MAX_MODELS = 1000
_PREFIX = "LOGGED_MODEL_"
#: Clients say ``LOGGED_MODEL_UPLOAD_FAILED``.
_FAILED = "UPLOAD_FAILED"
#: They stand between names elsewhere.
_NOT_IN_NAMES = frozenset("/:.%\"'")


def _status(told: object) -> object:
    bare = told.removeprefix(_PREFIX) if isinstance(told, str) else told
    return LoggedModelStatus.FAILED.value if bare == _FAILED else bare


def _plain(name: str) -> str:
    if _NOT_IN_NAMES & set(name):
        msg = f"{name!r} is no name of a model: it has one of {' '.join(sorted(_NOT_IN_NAMES))}"
        raise ValueError(msg)
    return name


class SentModelParam(Request):
    key: Key
    value: ParamValue = ""


class CreateModel(Request):
    experiment_id: str = Field(min_length=1)
    name: Annotated[str, AfterValidator(_plain), Field(max_length=500)] | None = None
    model_type: str = Field("", max_length=500)
    source_run_id: str = ""
    params: tuple[SentModelParam, ...] = ()
    tags: tuple[SentTag, ...] = ()


class EndModel(Request):
    status: Annotated[LoggedModelStatus, BeforeValidator(_status)]


class LogModelParams(Request):
    params: tuple[SentModelParam, ...] = ()


class SetModelTags(Request):
    tags: tuple[SentTag, ...] = ()


class AskedDataset(Request):
    dataset_name: str
    dataset_digest: str | None = None


class AskedOrder(Request):
    field_name: str = Field(min_length=1)
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None


class SearchModels(Request):
    experiment_ids: tuple[str, ...]
    filter: str = ""
    datasets: tuple[AskedDataset, ...] = ()
    order_by: tuple[AskedOrder, ...] = ()
    max_results: int = Field(50, ge=1, le=MAX_MODELS)
    page_token: str | None = None

    def search(self) -> LoggedModelSearch:
        return LoggedModelSearch(
            self.experiment_ids,
            self.filter,
            tuple(OrderBy(**dict(order)) for order in self.order_by),
            tuple((dataset.dataset_name, dataset.dataset_digest) for dataset in self.datasets),
        )
