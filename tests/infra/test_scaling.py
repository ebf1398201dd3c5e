"""What a stage may ask of `predict`, and what is refused with the field and its value."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aws_cdk.aws_lambda import Architecture

from infra.config import STAGES
from infra.names import RUNTIME
from infra.scaling import (
    InvalidLeverError,
    ProvisionedConcurrency,
    Scaling,
    Window,
    check_snap_start_runtime,
)

OFFICE: dict[str, Any] = {
    "name": "OfficeHours",
    "opens": "cron(0 7 ? * MON-FRI *)",
    "closes": "cron(0 19 ? * MON-FRI *)",
    "minimum": 5,
    "maximum": 20,
}


def window(**changes: Any) -> Window:
    return Window(**(OFFICE | changes))


def provisioned(minimum: int = 1, maximum: int = 10, **changes: Any) -> ProvisionedConcurrency:
    return ProvisionedConcurrency(minimum=minimum, maximum=maximum, **changes)


REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: Scaling(memory_mb=127), "memory_mb is 127: expected 128 to 10240"),
    (lambda: Scaling(memory_mb=10_241), "memory_mb is 10241: expected 128 to 10240"),
    (lambda: Scaling(ephemeral_storage_mb=256), "ephemeral_storage_mb is 256: expected 512 to 10240"),
    (lambda: Scaling(log_level="LOUD"), "log_level is 'LOUD': expected one of"),  # type: ignore[arg-type]  # that is the test
    (lambda: Scaling(reserved_concurrency=0), "reserved_concurrency is 0: the function would answer nobody"),
    (
        lambda: Scaling(reserved_concurrency=10, provisioned=provisioned(windows=(window(),))),
        "reserved_concurrency is 10: 20 are provisioned out of it",
    ),
    (
        lambda: Scaling(published=False, provisioned=provisioned()),
        "published is False: provisioned concurrency needs an alias",
    ),
    (
        lambda: Scaling(snap_start=True, provisioned=provisioned()),
        "snap_start is True: it cannot be combined with provisioned concurrency",
    ),
    (
        lambda: Scaling(snap_start=True, ephemeral_storage_mb=513),
        "ephemeral_storage_mb is 513: SnapStart takes no more than 512",
    ),
    (
        lambda: Scaling(snap_start=True, published=False),
        "published is False: SnapStart needs a version and an alias",
    ),
    (
        lambda: check_snap_start_runtime("python3.11"),
        "snap_start is True: not for python3.11, only from python3.12 on",
    ),
    (lambda: check_snap_start_runtime("provided.al2023"), "snap_start is True: not for provided.al2023"),
    (lambda: provisioned(-1), "provisioned.minimum is -1: expected 0 or more"),
    (lambda: provisioned(5, 4), "provisioned.maximum is 4: less than the minimum, 5"),
    (lambda: provisioned(0, 0), "provisioned.maximum is 0: nothing would ever be provisioned"),
    (
        lambda: provisioned(target_utilization=0.95),
        "provisioned.target_utilization is 0.95: expected 0.1 to 0.9",
    ),
    (
        lambda: provisioned(0, 5, target_utilization=0.7),
        "provisioned.minimum is 0: nothing is utilized of nothing",
    ),
    (
        lambda: provisioned(windows=(window(), window())),
        r"provisioned.windows is ['OfficeHours', 'OfficeHours']: two windows have one name",
    ),
    (lambda: window(name="office hours"), "window.name is 'office hours': expected a name"),
    (lambda: window(opens="0 7 * * *"), "window OfficeHours: opens is '0 7 * * *': expected cron"),
    (lambda: window(closes="rate(1 day)"), "window OfficeHours: closes is 'rate(1 day)': expected cron"),
    (lambda: window(maximum=4), "window OfficeHours.maximum is 4: less than the minimum, 5"),
    (
        lambda: replace(STAGES["local"], predict=Scaling()),
        "predict.published is True: the local cloud knows no Application Auto Scaling",
    ),
]


@pytest.mark.parametrize(("make", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_what_lambda_would_refuse_is_refused_with_the_field_and_its_value(
    make: Callable[[], object], said: str
) -> None:
    with pytest.raises(InvalidLeverError) as caught:
        make()
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    "scaling",
    [
        Scaling(snap_start=True, reserved_concurrency=50),
        Scaling(memory_mb=10_240, ephemeral_storage_mb=10_240, log_level="WARNING"),
        Scaling(reserved_concurrency=20, provisioned=provisioned(0, 0, windows=(window(),))),
        Scaling(provisioned=provisioned(target_utilization=0.7, time_zone="Europe/Berlin")),
    ],
    ids=["snapshots", "large", "office hours only", "target tracking"],
)
def test_what_lambda_takes_is_taken(scaling: Scaling) -> None:
    assert scaling.published


def test_snapshots_are_possible_with_the_runtime_of_our_functions() -> None:
    check_snap_start_runtime(RUNTIME.name)
    assert RUNTIME.supports_snap_start


def test_layers_are_asked_for_by_the_architecture_of_the_stage() -> None:
    assert [STAGES[name].layer_platform for name in ("local", "dev", "prod")] == ["local", "aws", "aws"]
    assert replace(STAGES["prod"], architecture=Architecture.ARM_64).layer_platform == "aws-arm64"
    assert replace(STAGES["local"], architecture=Architecture.ARM_64).layer_platform == "local"
