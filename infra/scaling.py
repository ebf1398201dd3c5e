"""How `predict` scales: the levers of a stage, and what Lambda refuses of their combinations.

A refusal names the field and its value, and comes at synth: CloudFormation would say it minutes later, after
the stacks before this one have changed.
"""

import re
from dataclasses import dataclass, field
from typing import Literal, get_args

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

DEFAULT_STORAGE_MB = 512
_MEMORY_MB = range(128, 10_240 + 1)
_STORAGE_MB = range(DEFAULT_STORAGE_MB, 10_240 + 1)
_SNAP_START_STORAGE_MB = 512
_SNAP_START_PYTHON = (3, 12)
#: Six fields: minute, hour, day of month, month, day of week, year.
_CRON = re.compile(r"cron\((?:\S+ ){5}\S+\)")
_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,31}")
#: Application Auto Scaling's for provisioned concurrency.
_UTILIZATION = (0.1, 0.9)


class InvalidLeverError(ValueError):
    """A lever has a value that Lambda does not take, or not together with another."""

    def __init__(self, lever: str, value: object, reason: str) -> None:
        super().__init__(f"{lever} is {value!r}: {reason}")


@dataclass(frozen=True, slots=True)
class Window:
    """A time of the week with other bounds: from when `opens` is due until `closes` is.

    Both are cron expressions of six fields, in the time zone of the concurrency that they are part of.
    """

    name: str
    opens: str
    closes: str
    minimum: int
    maximum: int

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidLeverError("window.name", self.name, "expected a name such as 'OfficeHours'")
        for lever, value in (("opens", self.opens), ("closes", self.closes)):
            if not _CRON.fullmatch(value):
                raise InvalidLeverError(
                    f"window {self.name}: {lever}", value, "expected cron(…) with six fields"
                )
        _check_bounds(f"window {self.name}", self.minimum, self.maximum)


@dataclass(frozen=True, slots=True)
class ProvisionedConcurrency:
    """Environments that are started before anybody calls, and paid for whether anybody calls or not.

    `minimum` and `maximum` hold outside of every window; 0 to 0 is nothing. With a `target_utilization` (a
    share of what is provisioned) the number moves between the bounds; without, it is the minimum.
    """

    minimum: int
    maximum: int
    windows: tuple[Window, ...] = ()
    time_zone: str = "Etc/UTC"
    target_utilization: float | None = None

    def __post_init__(self) -> None:
        _check_bounds("provisioned", self.minimum, self.maximum)
        if not self.windows and not self.maximum:
            raise InvalidLeverError("provisioned.maximum", 0, "nothing would ever be provisioned")
        names = [window.name for window in self.windows]
        if len(set(names)) < len(names):
            raise InvalidLeverError("provisioned.windows", names, "two windows have one name")
        self._check_target()

    def _check_target(self) -> None:
        target = self.target_utilization
        if target is None:
            return
        low, high = _UTILIZATION
        if not low <= target <= high:
            raise InvalidLeverError("provisioned.target_utilization", target, f"expected {low} to {high}")
        if not self.minimum:
            raise InvalidLeverError(
                "provisioned.minimum", 0, "nothing is utilized of nothing, so target_utilization needs 1"
            )

    @property
    def highest(self) -> int:
        """The most that is ever provisioned."""
        return max(self.maximum, *(window.maximum for window in self.windows), 0)


@dataclass(frozen=True, slots=True)
class Scaling:
    """The levers of one function.

    `published` gives it a version per change and the alias `live`, which its callers call; provisioned
    concurrency and SnapStart need that. `reserved_concurrency` is taken out of the account's, and is the most
    that the function gets. `memory_mb` brings CPU in proportion: 1,769 MB is one vCPU.
    """

    memory_mb: int = 1769
    published: bool = True
    ephemeral_storage_mb: int = DEFAULT_STORAGE_MB
    reserved_concurrency: int | None = None
    provisioned: ProvisionedConcurrency | None = field(default=None, kw_only=True)
    snap_start: bool = False
    log_level: LogLevel = "INFO"

    def __post_init__(self) -> None:
        for lever, value, allowed in (
            ("memory_mb", self.memory_mb, _MEMORY_MB),
            ("ephemeral_storage_mb", self.ephemeral_storage_mb, _STORAGE_MB),
        ):
            if value not in allowed:
                raise InvalidLeverError(lever, value, f"expected {allowed[0]} to {allowed[-1]}")
        if self.log_level not in get_args(LogLevel):
            raise InvalidLeverError("log_level", self.log_level, f"expected one of {get_args(LogLevel)}")
        self._check_concurrency()
        if self.snap_start:
            self._check_snap_start()

    def _check_concurrency(self) -> None:
        reserved = self.reserved_concurrency
        if reserved is not None and reserved < 1:
            raise InvalidLeverError("reserved_concurrency", reserved, "the function would answer nobody")
        if self.provisioned is None:
            return
        if not self.published:
            raise InvalidLeverError("published", value=False, reason="provisioned concurrency needs an alias")
        if reserved is not None and self.provisioned.highest > reserved:
            raise InvalidLeverError(
                "reserved_concurrency", reserved, f"{self.provisioned.highest} are provisioned out of it"
            )

    def _check_snap_start(self) -> None:
        """What SnapStart cannot be combined with.

        It also takes neither container images nor EFS, which no function of ours that has levers uses.
        https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-runtimes
        """
        if not self.published:
            raise InvalidLeverError("published", value=False, reason="SnapStart needs a version and an alias")
        if self.provisioned is not None:
            raise InvalidLeverError(
                "snap_start", value=True, reason="it cannot be combined with provisioned concurrency"
            )
        if self.ephemeral_storage_mb > _SNAP_START_STORAGE_MB:
            raise InvalidLeverError(
                "ephemeral_storage_mb",
                self.ephemeral_storage_mb,
                f"SnapStart takes no more than {_SNAP_START_STORAGE_MB}",
            )


def check_snap_start_runtime(runtime: str) -> None:
    """Refuse a runtime of Lambda (`python3.13`) of which SnapStart takes no snapshots.

    Raises:
        InvalidLeverError: it is an older Python, or none.
    """
    named = re.fullmatch(r"python(\d+)\.(\d+)", runtime)
    if named is None or (int(named[1]), int(named[2])) < _SNAP_START_PYTHON:
        raise InvalidLeverError(
            "snap_start", value=True, reason=f"not for {runtime}, only from python3.12 on"
        )


def _check_bounds(lever: str, minimum: int, maximum: int) -> None:
    if minimum < 0:
        raise InvalidLeverError(f"{lever}.minimum", minimum, "expected 0 or more")
    if maximum < minimum:
        raise InvalidLeverError(f"{lever}.maximum", maximum, f"less than the minimum, {minimum}")
