"""What MLflow's clients may search models and versions by."""

from collections.abc import Iterable

from shelflife.kernel.paging import Page
from shelflife.registry.model import ModelVersion, RegisteredModel
from shelflife.registry.requests import Search
from shelflife.registry.search import Clause, Fields, ordered, parse_filter, sliced
from shelflife.registry.wire import milliseconds

_MODEL: dict[str, type] = {"name": str, "creation_timestamp": int, "last_updated_timestamp": int}
_VERSION: dict[str, type] = _MODEL | {"version_number": int, "run_id": str, "source_path": str}


def model_clauses(search: Search) -> tuple[Clause, ...]:
    return parse_filter(search.filter, _MODEL)


def version_clauses(search: Search) -> tuple[Clause, ...]:
    return parse_filter(search.filter, _VERSION)


def model_name_in(clauses: Iterable[Clause]) -> str | None:
    """The one model whose versions are asked for: most searches name it, and then only its are read."""
    same = (clause.value for clause in clauses if (clause.key, clause.tag, clause.comparator) == _SAME_NAME)
    return next(same, None)


def models_found(
    models: Iterable[RegisteredModel], clauses: tuple[Clause, ...], search: Search
) -> Page[RegisteredModel]:
    found = [
        model for model in models if all(clause.holds(_model_fields(model), model.tags) for clause in clauses)
    ]
    return sliced(ordered(found, search.order_by, _MODEL, _model_fields), search.limit, search.page_token)


def versions_found(
    versions: Iterable[ModelVersion], clauses: tuple[Clause, ...], search: Search
) -> Page[ModelVersion]:
    found = [
        version
        for version in versions
        if all(clause.holds(_version_fields(version), version.tags) for clause in clauses)
    ]
    return sliced(ordered(found, search.order_by, _VERSION, _version_fields), search.limit, search.page_token)


_SAME_NAME = ("name", False, "=")


def _model_fields(model: RegisteredModel) -> Fields:
    return {
        "name": model.name,
        "creation_timestamp": milliseconds(model.created_at),
        "last_updated_timestamp": milliseconds(model.updated_at),
    }


def _version_fields(version: ModelVersion) -> Fields:
    return {
        "name": version.model_name,
        "version_number": version.version,
        "run_id": version.run_id,
        "source_path": version.source_uri,
        "creation_timestamp": milliseconds(version.created_at),
        "last_updated_timestamp": milliseconds(version.updated_at),
    }
