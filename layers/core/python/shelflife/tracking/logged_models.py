"""Logged models: what a run made to be loaded, before anybody registers it."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from shelflife.kernel.filter_grammar import parse_filter, parse_orders
from shelflife.kernel.filters import ATTRIBUTE, ENTRY, NUMBER, TEXT, Comparison, Language, Order, sort
from shelflife.kernel.ids import Clock, NewId
from shelflife.tracking.errors import (
    ExperimentNotFoundError,
    LoggedModelBusyError,
    LoggedModelNotFoundError,
    LostRaceError,
    TagNotFoundError,
)
from shelflife.tracking.experiments import ExperimentBook, active
from shelflife.tracking.logged_model import (
    VERSIONS_TAG,
    LoggedModel,
    LoggedModelStatus,
    Measured,
    registered_in,
)
from shelflife.tracking.model import Metric
from shelflife.tracking.ports import KeptModels, Segments

_ATTEMPTS = 20
_ONE_RUN = ("source_run_id", Comparison.EQUAL)


class OrderBy(NamedTuple):
    field_name: str
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None


@dataclass(frozen=True, slots=True)
class LoggedModelSearch:
    """`datasets` are names and digests (or no digest) of which a metric has to be to count."""

    experiment_ids: tuple[str, ...]
    filter: str = ""
    order_by: tuple[OrderBy, ...] = ()
    datasets: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class NewModel:
    """What is known of a model when it is begun; one without a name gets one."""

    experiment_id: str
    name: str | None = None
    model_type: str = ""
    source_run_id: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoggedModels:
    kept: KeptModels
    experiments: ExperimentBook
    segments: Segments
    now: Clock
    new_id: NewId
    new_name: Callable[[], str]

    def create(self, new: NewModel) -> LoggedModel:
        """Begin a model, whose files are to be uploaded.

        Raises:
            ExperimentNotFoundError: there is no such experiment.
            ExperimentDeletedError: it is deleted.
        """
        experiment = active(self.experiments.get(new.experiment_id))
        model_id, at = f"m-{self.new_id()}", self._milliseconds()
        model = LoggedModel(
            model_id=model_id,
            experiment_id=new.experiment_id,
            name=new.name or self.new_name(),
            artifact_uri=f"{experiment.artifact_location}/models/{model_id}/artifacts",
            creation_time=at,
            last_update_time=at,
            model_type=new.model_type,
            source_run_id=new.source_run_id,
            params=dict(new.params),
            tags=dict(new.tags),
            part=self.segments.open(models_of(new.experiment_id)).number,
        )
        self.kept.add(model)
        return model

    def get(self, model_id: str) -> LoggedModel:
        """The model.

        Raises:
            LoggedModelNotFoundError: there is none, or it is deleted.
        """
        model = self.kept.find(model_id)
        if model is None or model.deleted_at is not None:
            raise LoggedModelNotFoundError(model_id)
        return model

    def end(self, model_id: str, status: LoggedModelStatus) -> LoggedModel:
        """Say whether its files are all there."""
        return self._change(model_id, lambda model: replace(model, status=status))

    def log_params(self, model_id: str, params: Mapping[str, str]) -> None:
        self._change(model_id, lambda model: replace(model, params={**model.params, **params}))

    def set_tags(self, model_id: str, tags: Mapping[str, str]) -> LoggedModel:
        return self._change(model_id, lambda model: replace(model, tags={**model.tags, **tags}))

    def link_version(self, model_id: str, name: str, version: int) -> LoggedModel:
        """Note at the model that it became a registered version, as MLflow's pages read it; once."""
        entry = {"name": name, "version": version}

        def linked(model: LoggedModel) -> LoggedModel:
            known = registered_in(model.tags.get(VERSIONS_TAG, ""))
            if entry in known:
                return model
            return replace(model, tags={**model.tags, VERSIONS_TAG: json.dumps([*known, entry])})

        return self._change(model_id, linked)

    def delete_tag(self, model_id: str, key: str) -> None:
        def without(model: LoggedModel) -> LoggedModel:
            if key not in model.tags:
                raise TagNotFoundError(key, f"logged model {model_id!r}")
            return replace(model, tags={kept: value for kept, value in model.tags.items() if kept != key})

        self._change(model_id, without)

    def delete(self, model_id: str) -> None:
        at = self._milliseconds()
        self._change(model_id, lambda model: replace(model, deleted_at=at))

    def measure(self, model_id: str, measured: Sequence[Measured]) -> None:
        """Keep the latest of each metric; measuring the same again changes nothing."""

        def change(model: LoggedModel) -> LoggedModel:
            latest = {one.name: one for one in model.measured}
            for one in measured:
                known = latest.get(one.name)
                if known is None or one.metric.rank > known.metric.rank:
                    latest[one.name] = one
            return replace(model, measured=tuple(latest.values()))

        self._change(model_id, change)

    def measure_all(self, run_id: str, metrics: Iterable[Metric]) -> None:
        """Keep what of a run's metrics is of models."""
        by_model: dict[str, list[Measured]] = defaultdict(list)
        for metric in metrics:
            if metric.model_id:
                on = metric.dataset_name, metric.dataset_digest
                by_model[metric.model_id].append(Measured(run_id, Metric(*metric[:4]), *on))
        for model_id in by_model:
            self.get(model_id)  # before the first of them is changed
        for model_id, measured in by_model.items():
            self.measure(model_id, measured)

    def search(self, search: LoggedModelSearch) -> list[LoggedModel]:
        """The models found, newest first unless ordered.

        Raises:
            InvalidSearchError: the filter or an order cannot be read.
        """
        clauses = parse_filter(search.filter, _language(search.datasets))
        orders = _orders(search.order_by)
        run_id = next(
            (str(c.value) for c in clauses if (c.key, c.comparison) == ("source_run_id", "=")), None
        )
        models = self._of_run(run_id, search.experiment_ids) if run_id else self._of(search.experiment_ids)
        found = [
            model
            for model in models
            if model.deleted_at is None
            and all(clause.matches(model) for clause in clauses)
            and _measured_on(model, search.datasets)
        ]
        newest = sorted(found, key=lambda model: (-model.creation_time, model.model_id))
        return sort(newest, orders)

    def _of(self, experiment_ids: Iterable[str]) -> Iterator[LoggedModel]:
        for experiment_id in dict.fromkeys(experiment_ids):
            try:
                active(self.experiments.get(experiment_id))
            except ExperimentNotFoundError:
                continue
            for segment in self.segments.all(models_of(experiment_id)):
                yield from self.kept.of(experiment_id, segment.number)

    def _of_run(self, run_id: str, experiment_ids: Iterable[str]) -> Iterator[LoggedModel]:
        asked = set(experiment_ids)
        return (model for model in self.kept.of_run(run_id) if model.experiment_id in asked)

    def _change(self, model_id: str, change: Callable[[LoggedModel], LoggedModel]) -> LoggedModel:
        for _ in range(_ATTEMPTS):
            model = self.get(model_id)
            changed = change(model)
            if changed == model:
                return model
            changed = replace(changed, last_update_time=self._milliseconds())
            try:
                self.kept.replace(changed)
            except LostRaceError:
                continue
            return changed
        raise LoggedModelBusyError(model_id)

    def _milliseconds(self) -> int:
        return int(self.now().timestamp() * 1000)


def models_of(experiment_id: str) -> str:
    """Models are counted apart from runs."""
    return f"{experiment_id}/models"


def _measured_on(model: LoggedModel, datasets: Sequence[tuple[str, str | None]]) -> bool:
    return not datasets or any(_is_on(one, datasets) for one in model.measured)


def _is_on(one: Measured, datasets: Sequence[tuple[str, str | None]]) -> bool:
    return not datasets or any(
        one.dataset_name == name and (digest is None or one.dataset_digest == digest)
        for name, digest in datasets
    )


def _language(datasets: Sequence[tuple[str, str | None]]) -> Language:
    """What of models may be searched, where metrics count only on these datasets."""

    def look(model: LoggedModel, kind: str, key: str) -> Any:
        if kind == "metric":
            values = [one for one in model.measured if one.metric.key == key and _is_on(one, datasets)]
            return tuple(one.metric.value for one in values) or None
        if kind == "param":
            return model.params.get(key)
        return model.tags.get(key) if kind == "tag" else getattr(model, key)

    return Language(
        look=look,
        attributes={
            **dict.fromkeys(
                (
                    "name",
                    "model_id",
                    "model_type",
                    "status",
                    "source_run_id",
                    "experiment_id",
                    "artifact_uri",
                ),
                TEXT,
            ),
            **dict.fromkeys(("creation_time", "last_update_time"), NUMBER),
        },
        kinds={"metric": NUMBER, "param": ENTRY, "tag": ENTRY},
        spellings={"metrics": "metric", "params": "param", "tags": "tag"},
        aliases={
            "creation_timestamp": "creation_time",
            "creation_timestamp_ms": "creation_time",
            "last_updated_timestamp": "last_update_time",
            "last_updated_timestamp_ms": "last_update_time",
            "last_updated_time": "last_update_time",
            "artifact_location": "artifact_uri",
        },
        orders=frozenset({ATTRIBUTE, "metric", "param", "tag"}),
    )


def _orders(order_by: Sequence[OrderBy]) -> tuple[Order, ...]:
    """Orders; by a metric, of its value that was measured last (on the order's dataset)."""
    orders: list[Order] = []
    for one in order_by:
        datasets = ((one.dataset_name, one.dataset_digest),) if one.dataset_name else ()
        (order,) = parse_orders([one.field_name], _language(datasets))
        look = order.language.look

        def latest(model: LoggedModel, kind: str, key: str, look: Any = look) -> Any:
            found = look(model, kind, key)
            return found[-1] if isinstance(found, tuple) else found

        orders.append(
            replace(order, descending=not one.ascending, language=replace(order.language, look=latest))
        )
    return tuple(orders)
