"""What MLflow's pages ask by GraphQL: the queries that they send, each answered by a use case.

An error of a use case is told in the answer's `apiError`, where the pages look for it; a query that cannot be
read, or asks for what is not here, is told in `errors`, as GraphQL has it. What is wrong with the platform
itself is raised.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    execute_sync,
    is_list_type,
    parse,
    validate,
)
from pydantic import ValidationError

from shelflife.kernel.errors import ShelflifeError, UnavailableError
from shelflife.tracking import requests as asked
from shelflife.tracking import wire
from shelflife.tracking.errors import LoggedModelNotFoundError
from shelflife.tracking.experiments import ExperimentBook
from shelflife.tracking.logged_models import LoggedModels
from shelflife.tracking.model import Run
from shelflife.tracking.service import RunSearch, Tracking

#: Tells an error as MLflow's clients know it: `error_code` and `message`.
Told = Callable[[Exception], Mapping[str, str]]
#: The pages' own queries have under 200 tokens and nest nine deep.
_MAX_TOKENS, _MAX_NESTING, _MAX_CALLS = 2000, 20, 10
_OPENED, _CLOSED = "([{", ")]}"


class QueryTooDeepError(GraphQLError):
    def __init__(self) -> None:
        super().__init__(f"the query nests more than {_MAX_NESTING} deep")


class TooManyFieldsError(GraphQLError):
    def __init__(self) -> None:
        super().__init__(f"the query asks for more than {_MAX_CALLS} things at once")


@dataclass(frozen=True, slots=True)
class Graph:
    """Answers queries; `told` says how an error is told."""

    tracking: Tracking
    experiments: ExperimentBook
    models: LoggedModels
    told: Told

    def answer(
        self, query: str, variables: Mapping[str, Any] | None = None, operation: str | None = None
    ) -> dict[str, Any]:
        """`data`, and `errors` if there are any, as GraphQL's specification has them.

        Raises:
            UnavailableError: the store does not answer now.
        """
        try:
            if _nesting(query) > _MAX_NESTING:
                raise QueryTooDeepError
            document = parse(query, max_tokens=_MAX_TOKENS)
        except GraphQLError as error:
            return {"data": None, "errors": [error.formatted]}
        if faults := validate(_schema(), document):
            return {"data": None, "errors": [fault.formatted for fault in faults]}
        result = execute_sync(
            _schema(),
            document,
            context_value=_Asking(self),
            variable_values=dict(variables or {}),
            operation_name=operation,
            field_resolver=_field,
        )
        for fault in result.errors or ():
            if fault.original_error is not None and not isinstance(fault.original_error, GraphQLError):
                raise fault.original_error
        return dict(result.formatted)

    def get_experiment(self, asked_for: Mapping[str, Any]) -> Mapping[str, Any]:
        experiment_id = asked.ExperimentId.model_validate(asked_for).experiment_id
        return {"experiment": wire.experiment_json(self.experiments.get(experiment_id))}

    def get_run(self, asked_for: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"run": _shown(self.tracking.get_run(asked.RunId.model_validate(asked_for).of))}

    def search_runs(self, asked_for: Mapping[str, Any]) -> Mapping[str, Any]:
        search = asked.SearchRuns.model_validate(asked_for)
        found = self.tracking.search_runs(
            RunSearch(
                search.experiment_ids,
                search.filter,
                search.order_by,
                search.run_view_type,
                search.page_token,
                expected=search.max_results + 1,
            )
        )
        runs = list(islice(found.runs, search.max_results))
        more = next(found.runs, None) is not None
        return {
            "runs": [_shown(run) for run in runs],
            "next_page_token": found.token(runs[-1]) if more else None,
        }

    def sample_histories(self, asked_for: Mapping[str, Any]) -> Mapping[str, Any]:
        page = asked.MetricHistories.model_validate(asked_for)
        found = self.tracking.metric_histories(
            page.of, page.metric_key, limit=page.max_results, steps=page.steps
        )
        return {"metrics": [wire.metric_json(metric) | {"run_id": run_id} for run_id, metric in found]}


@dataclass(slots=True)
class _Asking:
    """One query on its way: an experiment is read once for all of its runs."""

    graph: Graph
    calls: int = 0
    experiments: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def count(self) -> None:
        """Aliases could ask for the same a thousand times."""
        self.calls += 1
        if self.calls > _MAX_CALLS:
            raise TooManyFieldsError

    def experiment(self, experiment_id: str) -> Mapping[str, Any]:
        if experiment_id not in self.experiments:
            self.experiments[experiment_id] = wire.experiment_json(self.graph.experiments.get(experiment_id))
        return self.experiments[experiment_id]

    def versions(self, run: Run) -> list[dict[str, Any]]:
        """The registered versions that the run's logged models became."""
        found = []
        for model_id in dict.fromkeys(output.model_id for output in run.model_outputs):
            try:
                versions = self.graph.models.get(model_id).registered
            except LoggedModelNotFoundError:
                continue
            known = {"status": "READY", "source": f"models:/{model_id}", "model_id": model_id}
            told = {**known, "run_id": run.run_id}
            found += [{**told, "name": name, "version": str(version)} for name, version in versions]
        return found


def _shown(run: Run) -> Mapping[str, Any]:
    return {**wire.run_json(run), "of": run}


def _field(source: Mapping[str, Any], info: GraphQLResolveInfo, **_: Any) -> Any:
    """A field by its name in MLflow's REST protocol; what that leaves out is nothing, or an empty list."""
    value = source.get(_snake(info.field_name))
    if value is None and is_list_type(info.return_type):
        return []
    return None if value == "NaN" else value


def _experiment_of(run: Mapping[str, Any], info: GraphQLResolveInfo) -> Mapping[str, Any]:
    asking: _Asking = info.context
    return asking.experiment(run["of"].experiment_id)


def _versions_of(run: Mapping[str, Any], info: GraphQLResolveInfo) -> list[dict[str, Any]]:
    asking: _Asking = info.context
    return asking.versions(run["of"])


Query = Callable[[Graph, Mapping[str, Any]], Mapping[str, Any]]


def _called(query: Query, _source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Mapping[str, Any]:
    asking: _Asking = info.context
    asking.count()
    try:
        # An input that is null is one that was not given, as in MLflow.
        given = {_snake(name): value for name, value in arguments["input"].items() if value is not None}
        return query(asking.graph, given)
    except UnavailableError:
        raise
    except (ShelflifeError, ValidationError) as error:
        told = asking.graph.told(error)
        return {"api_error": {"code": told["error_code"], "message": told["message"]}}


@cache
def _schema() -> GraphQLSchema:
    schema = build_schema(Path(__file__).with_suffix(".graphql").read_text())
    fields = schema.query_type.fields if schema.query_type else {}
    for name, query in _QUERIES.items():
        fields[name].resolve = partial(_called, query)
    run: Any = schema.type_map["MlflowRun"]
    run.fields["experiment"].resolve = _experiment_of
    run.fields["modelVersions"].resolve = _versions_of
    # A schema that is built from a text is given its scalars like this.
    schema.type_map["LongString"].__dict__["serialize"] = str
    return schema


_QUERIES: Mapping[str, Query] = {
    "mlflowGetExperiment": Graph.get_experiment,
    "mlflowGetRun": Graph.get_run,
    "mlflowSearchRuns": Graph.search_runs,
    "mlflowGetMetricHistoryBulkInterval": Graph.sample_histories,
}


@cache
def _snake(name: str) -> str:
    return re.sub(r"(?=[A-Z])", "_", name).lower()


def _nesting(query: str) -> int:
    """How deep brackets nest, which is how deep the parser would have to go; those in texts count, too."""
    deepest = depth = 0
    for letter in query:
        depth += (letter in _OPENED) - (letter in _CLOSED)
        deepest = max(deepest, depth)
    return deepest
