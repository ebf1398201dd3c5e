"""What happened to a name, and what it meant at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from shelflife.kernel.ids import Moment
from shelflife.kernel.paging import MAX_LIMIT, Page, decode_cursor, encode_cursor
from shelflife.registry.errors import AliasNotFoundError, RegisteredModelNotFoundError
from shelflife.registry.model import Change, ChangeKind, RegisteredModel, Stage, Tenure
from shelflife.registry.ports import Histories, RegisteredModels

_NEWEST = 20


@dataclass(frozen=True, slots=True)
class Held:
    """A version has an alias or a stage, since when and by whose decision."""

    version: int
    since: Moment
    made_by: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Then:
    """Every alias and stage of a model at a time; `name` is what it was called then."""

    name: str
    aliases: dict[str, Held]
    stages: dict[Stage, list[Held]]


@dataclass(frozen=True, slots=True)
class History:
    models: RegisteredModels
    histories: Histories

    def page(self, name: str, limit: int, cursor: str | None) -> Page[Change]:
        """What happened to the models that had this name, until they lost it, newest first.

        What happened to a model before it got the name is told, too: it is the same model. A page may end
        before its limit where one model's history ends and another's begins.

        Raises:
            RegisteredModelNotFoundError: no model ever had the name.
            InvalidCursorError: the cursor was not given out here.
        """
        place = decode_cursor(cursor) or {}
        tenures = self.histories.tenures(name, 1, place.get("tenure"))
        if not tenures.items:
            raise RegisteredModelNotFoundError(name)
        tenure = tenures.items[0]
        found = self.histories.page(tenure.owner_id, limit, place.get("change"))
        following = None
        if found.next_cursor:
            following = {"tenure": place.get("tenure"), "change": found.next_cursor}
        elif tenures.next_cursor and self.histories.tenures(name, 1, tenures.next_cursor).items:
            following = {"tenure": tenures.next_cursor, "change": None}
        items = tuple(change for change in found.items if _within(change, tenure))
        return Page(items=items, next_cursor=encode_cursor(following))

    def of_alias(self, name: str, alias: str, limit: int, cursor: str | None) -> Page[Change]:
        """Every move of the alias of the model that has the name now, newest first.

        Raises:
            RegisteredModelNotFoundError: there is none.
            AliasNotFoundError: the alias never existed.
        """
        model = self.models.find(name)
        if model is None:
            raise RegisteredModelNotFoundError(name)
        found = self.histories.of_alias(model.model_id, alias, limit, cursor)
        if not found.items and cursor is None:
            raise AliasNotFoundError(name, alias)
        return found

    def last_move(self, model: RegisteredModel, alias: str) -> Change | None:
        """The move that let the alias point to where it points; a new one is seen at once."""
        newest = self.histories.page(model.model_id, _NEWEST, None).items
        moves = [change for change in newest if change.kind is ChangeKind.ALIAS_MOVED]
        older = self.histories.of_alias(model.model_id, alias, 1, None).items
        return next((move for move in (*moves, *older) if move.alias == alias), None)

    def at(self, name: str, at: Moment) -> Then:
        """Which version had each alias and stage of the model that had the name then.

        Raises:
            RegisteredModelNotFoundError: no model had the name then.
        """
        tenure = self.histories.tenure_at(name, at)
        if tenure is None:
            raise RegisteredModelNotFoundError(name)
        then = Then(name, {}, {})
        stages: dict[int, tuple[Stage, Held]] = {}
        for change in self._until(tenure.owner_id, at):
            _replay(change, then.aliases, stages)
        for stage, held in stages.values():
            then.stages.setdefault(stage, []).append(held)
        for held_there in then.stages.values():
            held_there.sort(key=lambda held: held.version)
        return then

    def _until(self, owner_id: str, at: Moment) -> Iterator[Change]:
        """The changes up to a time, the first one first."""
        cursor: str | None = None
        while True:
            page = self.histories.page(owner_id, MAX_LIMIT, cursor, backwards=False)
            for change in page.items:
                if change.happened_at > at:
                    return
                yield change
            cursor = page.next_cursor
            if cursor is None:
                return


def _within(change: Change, tenure: Tenure) -> bool:
    return tenure.until is None or change.happened_at <= tenure.until


def _replay(change: Change, aliases: dict[str, Held], stages: dict[int, tuple[Stage, Held]]) -> None:
    def held(version: int) -> Held:
        return Held(version, change.happened_at, change.made_by, change.reason)

    if change.kind is ChangeKind.ALIAS_MOVED and change.alias is not None:
        aliases.pop(change.alias, None)
        if change.to_version is not None:
            aliases[change.alias] = held(change.to_version)
    elif change.kind is ChangeKind.VERSION_DELETED and change.version is not None:
        stages.pop(change.version, None)
        for alias in [alias for alias, found in aliases.items() if found.version == change.version]:
            del aliases[alias]
    elif change.kind is ChangeKind.STAGE_MOVED:
        _restage(change, stages, held)


def _restage(change: Change, stages: dict[int, tuple[Stage, Held]], held: Callable[[int], Held]) -> None:
    for version in change.archived:
        stages[version] = Stage.ARCHIVED, held(version)
    if change.version is not None and change.to_stage is not None:
        stages.pop(change.version, None)
        if change.to_stage is not Stage.NONE:
            stages[change.version] = change.to_stage, held(change.version)
