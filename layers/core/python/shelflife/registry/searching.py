"""Searches: what is answered is read, where a list is in the order asked for; the rest is not."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from shelflife.kernel.filter_grammar import parse_orders
from shelflife.kernel.filters import Clause, Order
from shelflife.kernel.paging import Page
from shelflife.registry import language
from shelflife.registry.found import CHUNK, Found, Search, in_memory, pages, walked
from shelflife.registry.language import Owned
from shelflife.registry.model import ModelVersion, RegisteredModel
from shelflife.registry.ports import ModelVersions, RegisteredModels, VersionOrder

_MODEL_TIES = parse_orders(["name ASC"], language.MODEL_ORDERS)
_VERSION_TIES = parse_orders(["name ASC", "version_number DESC"], language.VERSION_ORDERS)
_EVERYTHING = Search("", (), CHUNK, None)
_NEWEST = ("last_updated_timestamp DESC",)


@dataclass(frozen=True, slots=True)
class Searching:
    models: RegisteredModels
    versions: ModelVersions

    def find_models(self, search: Search) -> Found[RegisteredModel]:
        """Models, by name unless ordered otherwise.

        Raises:
            InvalidSearchError: the filter or an order cannot be read.
            InvalidCursorError: the token was not given out by a search.
        """
        clauses, prompts = language.filter_of(search.filter, language.MODELS)
        orders = language.orders_of(search.order_by, language.MODEL_ORDERS) or _MODEL_TIES

        def matches(model: RegisteredModel) -> bool:
            return model.is_prompt is prompts and all(clause.matches(model) for clause in clauses)

        names = language.equal_to(clauses, "name")
        if names is not None:
            named = [model for model in map(self.models.find, names) if model is not None and matches(model)]
            return in_memory(named, _tied(orders, _MODEL_TIES), search, lambda model: model.name)
        by_age, backwards = orders[0].key != "name", orders[0].descending
        prefix = "" if by_age else language.prefix_of(clauses, "name")

        def page(cursor: str | None) -> Page[RegisteredModel]:
            return self.models.page(
                prompts=prompts,
                by_age=by_age,
                backwards=backwards,
                prefix=prefix,
                limit=search.chunk,
                cursor=cursor,
            )

        def after(model: RegisteredModel) -> str:
            return self.models.after(model, by_age=by_age)

        return walked(pages(page, search.page_token), matches, after, search.limit)

    def find_versions(self, search: Search) -> Found[Owned]:
        """Versions with their models, those changed last first unless ordered otherwise.

        A model's own versions, and all versions in that order, are read page by page; those of runs, and
        whatever else is asked for, are read first and ordered then.

        Raises:
            InvalidSearchError: the filter or an order cannot be read.
            InvalidCursorError: the token was not given out by a search.
        """
        clauses, prompts = language.filter_of(search.filter, language.VERSIONS)
        orders = language.orders_of(search.order_by or _NEWEST, language.VERSION_ORDERS)

        def matches(owned: Owned) -> bool:
            model, version = owned
            marked = version.is_prompt if prompts else not (version.is_prompt or model.is_prompt)
            return marked and all(clause.matches(owned) for clause in clauses)

        listed = self._listed(clauses, orders, search, prompts=prompts)
        if listed is not None:
            things, order = listed
            return walked(things, matches, lambda owned: self.versions.after(owned[1], order), search.limit)
        gathered = [owned for owned in self._gathered(clauses, prompts=prompts) if matches(owned)]
        return in_memory(gathered, _tied(orders, _VERSION_TIES), search, _identity)

    def _listed(
        self, clauses: Sequence[Clause], orders: Sequence[Order], search: Search, *, prompts: bool
    ) -> tuple[Iterator[Owned], VersionOrder] | None:
        """The list that has the versions in this order, if there is one."""
        names = language.equal_to(clauses, "name")
        if _runs(clauses) or len(names or ("",)) != 1:
            return None
        if names is None:
            if orders[0].key != "last_updated_timestamp" or not orders[0].descending or _prefix(clauses):
                return None
            return self._of_all(search, prompts=prompts), VersionOrder.AGE_OF_ALL
        of_one = [order for order in orders if order.key != "name"] or list(_VERSION_TIES[1:])
        first, backwards = of_one[0].key, of_one[0].descending
        if first == "creation_timestamp":
            return None
        model = self.models.find(names[0])
        read = self.versions.page if first == "version_number" else self.versions.page_by_age
        order = VersionOrder.NUMBER if first == "version_number" else VersionOrder.AGE
        if model is None:
            return iter(()), order
        things = pages(
            lambda cursor: read(model, search.chunk, cursor, backwards=backwards), search.page_token
        )
        return ((model, version) for version in things), order

    def _of_all(self, search: Search, *, prompts: bool) -> Iterator[Owned]:
        """Those of models that were deleted are still in the list for a while, but have no model."""
        cursor = search.page_token
        while True:
            page = self.versions.page_of_all(search.chunk, cursor, prompts=prompts)
            yield from self._owned(page.items)
            cursor = page.next_cursor
            if cursor is None:
                return

    def _owned(self, versions: Sequence[ModelVersion]) -> Iterator[Owned]:
        models = self.models.named([version.owner_id for version in versions])
        for version in versions:
            model = models.get(version.owner_id)
            if model is not None:
                yield model, version.model_copy(update={"model_name": model.name})

    def _gathered(self, clauses: Sequence[Clause], *, prompts: bool) -> Iterator[Owned]:
        """All versions that can match, in no order."""
        runs, names = _runs(clauses), language.equal_to(clauses, "name")
        if runs:
            yield from self._of_runs(runs)
            return
        prefix = _prefix(clauses)
        if names is None and not prefix:
            yield from self._of_all(_EVERYTHING, prompts=prompts)
            return
        models = (
            self._named_like(prefix, prompts=prompts)
            if names is None
            else filter(None, map(self.models.find, names))
        )
        for model in models:
            for version in pages(_of_model(self.versions, model), None):
                yield model, version

    def _of_runs(self, runs: Sequence[str]) -> Iterator[Owned]:
        for run_id in runs:
            found = list(pages(_of_run(self.versions, run_id), None))
            models = self.models.named([owner for owner, _ in found])
            for model in models.values():
                numbers = [number for owner, number in found if owner == model.model_id]
                for version in self.versions.find_many(model, numbers):
                    yield model, version

    def _named_like(self, prefix: str, *, prompts: bool) -> Iterator[RegisteredModel]:
        def page(cursor: str | None) -> Page[RegisteredModel]:
            return self.models.page(
                prompts=prompts, by_age=False, backwards=False, prefix=prefix, limit=CHUNK, cursor=cursor
            )

        return pages(page, None)


def _of_model(versions: ModelVersions, model: RegisteredModel) -> Callable[[str | None], Page[ModelVersion]]:
    return lambda cursor: versions.page(model, CHUNK, cursor)


def _of_run(versions: ModelVersions, run_id: str) -> Callable[[str | None], Page[tuple[str, int]]]:
    return lambda cursor: versions.of_run(run_id, CHUNK, cursor)


def _runs(clauses: Sequence[Clause]) -> tuple[str, ...]:
    """The only runs that are asked for; versions without a run are in no list of their own."""
    runs = language.equal_to(clauses, "run_id") or ()
    return runs if "" not in runs else ()


def _prefix(clauses: Sequence[Clause]) -> str:
    return language.prefix_of(clauses, "name")


def _identity(owned: Owned) -> str:
    return f"{owned[1].owner_id}#{owned[1].version}"


def _tied(orders: Sequence[Order], ties: Sequence[Order]) -> tuple[Order, ...]:
    named = {order.key for order in orders}
    return (*orders, *(order for order in ties if order.key not in named))
