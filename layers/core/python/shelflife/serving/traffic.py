"""Traffic rules: which variant of a deployment answers a request, and which others see it.

A deployment's keys fall into 10,000 slots, and its slots belong to the live variants in stretches. When the
weights change, only as many slots move as must, so that a sticky key changes its variant only if it has to.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import groupby
from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field, model_validator

from shelflife.kernel.ids import Name
from shelflife.kernel.model import Model

#: The finest share is a hundredth of a percent.
SLOTS = 10_000
MOST_LIVE = 20
MOST_SHADOWS = 4
_PERCENT = SLOTS // 100
_SHOWN_PLACES = 2
_EXACT = 1e-6

VersionNumber = Annotated[int, Field(ge=1, le=99_999_999)]


class TrafficRuleError(ValueError):
    """The variants do not make a rule together."""


class _Variant(Model):
    """A model version under a name within its deployment: `v<version>`, unless it is given another."""

    name: Name
    model_version: VersionNumber

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("name") is None and "model_version" in given:
            return given | {"name": f"v{given['model_version']}"}
        return given


class LiveVariant(_Variant):
    """It answers `weight` percent of the requests; with 0 only those that name it."""

    weight: float = Field(ge=0, le=100)

    @property
    def slots(self) -> int:
        return round(self.weight * _PERCENT)


class ShadowVariant(_Variant):
    """It sees a share of the requests after they were answered; nobody gets its answers."""

    sampling_rate: float = Field(default=1.0, gt=0, le=1)


class TrafficRule(Model):
    """What answers, and in what shares. The first live variant is the stable one: others are judged by it."""

    live: tuple[LiveVariant, ...] = Field(min_length=1, max_length=MOST_LIVE)
    shadows: tuple[ShadowVariant, ...] = Field(default=(), max_length=MOST_SHADOWS)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        names = [variant.name for variant in (*self.live, *self.shadows)]
        for name in names:
            if names.count(name) > 1:
                msg = f"two variants are called {name!r}"
                raise TrafficRuleError(msg)
        for variant in self.live:
            if abs(variant.weight * _PERCENT - variant.slots) > _EXACT:
                msg = (
                    f"variant {variant.name!r} has weight {variant.weight}, expected hundredths at the finest"
                )
                raise TrafficRuleError(msg)
        if (total := sum(variant.slots for variant in self.live)) != SLOTS:
            msg = (
                f"the live variants' weights add up to {round(total / _PERCENT, _SHOWN_PLACES)}, expected 100"
            )
            raise TrafficRuleError(msg)
        return self

    @property
    def stable(self) -> LiveVariant:
        return self.live[0]

    @property
    def versions(self) -> tuple[int, ...]:
        """Every model version that it names, once, the stable one first."""
        return tuple(dict.fromkeys(variant.model_version for variant in (*self.live, *self.shadows)))

    def with_all_to(self, variant: LiveVariant) -> "TrafficRule":
        """That variant answers everything; shadows go on."""
        return self.model_copy(update={"live": (variant.model_copy(update={"weight": 100.0}),)})

    def variant(self, name: str) -> LiveVariant | ShadowVariant | None:
        everybody: tuple[LiveVariant | ShadowVariant, ...] = (*self.live, *self.shadows)
        return next((one for one in everybody if one.name == name), None)


class Stretch(NamedTuple):
    """The slots from the end of the stretch before up to `end` belong to the live variant of that name."""

    end: int
    variant: str


class Traffic(Model):
    """A rule with the slots that its variants have got."""

    rule: TrafficRule
    stretches: tuple[Stretch, ...]

    @classmethod
    def of(cls, rule: TrafficRule, before: "Traffic | None" = None) -> "Traffic":
        """Give out the slots, as close as can be to how they were given out before."""
        return cls(rule=rule, stretches=_given_out(rule, before.stretches if before else ()))


class Assignment:
    """Who gets a slot; made once per revision, asked once per request."""

    __slots__ = ("_ends", "_variants", "named")

    def __init__(self, traffic: Traffic) -> None:
        self.named = {variant.name: variant for variant in traffic.rule.live}
        self._ends = [stretch.end for stretch in traffic.stretches]
        self._variants = [self.named[stretch.variant] for stretch in traffic.stretches]

    def at(self, slot: int) -> LiveVariant:
        return self._variants[bisect_right(self._ends, slot)]


def only(version: int) -> TrafficRule:
    """One version answers everything."""
    return TrafficRule(live=(live(version, 100),))


def live(version: int, weight: float, name: str | None = None) -> LiveVariant:
    return LiveVariant.model_validate({"name": name, "model_version": version, "weight": weight})


def slot_of(deployment: str, key: str) -> int:
    """The slot of a sticky key, from 0 to 9,999: the same for ever, and another in each deployment."""
    digest = blake2b(key.encode(errors="surrogatepass"), digest_size=8, key=deployment.encode()).digest()
    return int.from_bytes(digest) % SLOTS


def _given_out(rule: TrafficRule, before: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """Variants keep their first slots up to what they may have; what is free goes to who has too few."""
    left = {variant.name: variant.slots for variant in rule.live}
    kept: list[tuple[int, str | None]] = []
    for length, name in _lengths(before) if before else ((SLOTS, ""),):
        keeps = min(length, left.get(name, 0))
        if keeps:
            left[name] -= keeps
            kept.append((keeps, name))
        if length > keeps:
            kept.append((length - keeps, None))
    wanting = ((name, count) for name, count in left.items() if count)
    return _stretches(_filled(kept, wanting))


def _filled(
    kept: Sequence[tuple[int, str | None]], wanting: Iterator[tuple[str, int]]
) -> Iterator[tuple[int, str]]:
    """What is kept as it is, and each free stretch given to those who want slots, in their order."""
    name, count = "", 0
    for length, holder in kept:
        if holder is not None:
            yield length, holder
            continue
        free = length
        while free:
            if not count:
                name, count = next(wanting)
            taken = min(free, count)
            yield taken, name
            free, count = free - taken, count - taken


def _lengths(stretches: Sequence[Stretch]) -> Iterator[tuple[int, str]]:
    begin = 0
    for end, name in stretches:
        yield end - begin, name
        begin = end


def _stretches(parts: Iterator[tuple[int, str]]) -> tuple[Stretch, ...]:
    end, made = 0, []
    for name, same in groupby(parts, lambda part: part[1]):
        end += sum(length for length, _ in same)
        made.append(Stretch(end, name))
    return tuple(made)
