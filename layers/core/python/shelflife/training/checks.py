"""Whether a plan can be trained from a dataset version: everything that can be known before a row is read."""

from collections.abc import Iterator

from shelflife.contracts.data import Column, ColumnKind, DatasetManifest
from shelflife.contracts.models import Task
from shelflife.kernel.errors import FieldFault
from shelflife.training.errors import PlanRefusedError
from shelflife.training.hyperparameters import hyperparameter_faults, settled
from shelflife.training.model import CheckedPlan, FeatureKinds, TrainingPlan
from shelflife.training.split import held_out, held_out_of_class

#: A manifest counts the values of a column up to this many; more are no classes.
MOST_CLASSES = 100
#: `distinct` of a manifest is exact up to here; as one-hot columns, more would fill the memory.
MOST_CATEGORIES = 1000
FEWEST_TRAINED = 2
#: A model's outputs and held-out rows have these names.
RESERVED = frozenset({"prediction", "label", "probabilities", "target"})

_NUMERIC = (ColumnKind.NUMBER, ColumnKind.BOOLEAN)
#: One feature of a plan: where it stands, its name, and the kind that was asked for, if any.
Feature = tuple[str, str, str | None]


def checked(plan: TrainingPlan, manifest: DatasetManifest) -> CheckedPlan:
    """The plan with everything settled that it left open.

    Raises:
        PlanRefusedError: with a fault for each reason why it cannot be trained.
    """
    columns = {column.name: column for column in manifest.columns}
    features = _features(plan)
    faults = [
        *_target_faults(plan, columns, manifest),
        *_feature_faults(plan, features, columns, manifest),
        *_split_faults(plan, columns, manifest),
        *hyperparameter_faults(plan.algorithm, plan.task, plan.hyperparameters),
    ]
    if faults:
        raise PlanRefusedError(faults)
    kinds = {name: kind or _kind_of(columns[name]) for _, name, kind in features}
    dataset = plan.dataset.model_copy(update={"version": manifest.version})
    return CheckedPlan(
        plan=plan.model_copy(update={"dataset": dataset}),
        manifest=manifest,
        numeric=tuple(name for name, kind in kinds.items() if kind == "numeric"),
        categorical=tuple(name for name, kind in kinds.items() if kind == "categorical"),
        hyperparameters=settled(plan.algorithm, plan.task, plan.hyperparameters),
    )


def _features(plan: TrainingPlan) -> list[Feature]:
    if not isinstance(plan.features, FeatureKinds):
        return [(f"features.{place}", name, None) for place, name in enumerate(plan.features)]
    return [
        (f"features.{kind}.{place}", name, kind)
        for kind in ("numeric", "categorical")
        for place, name in enumerate(getattr(plan.features, kind))
    ]


def _kind_of(column: Column) -> str:
    return "numeric" if column.kind in _NUMERIC else "categorical"


def _feature_faults(
    plan: TrainingPlan, features: list[Feature], columns: dict[str, Column], manifest: DatasetManifest
) -> Iterator[FieldFault]:
    if not features:
        yield FieldFault("features", "there is none: a model needs one at least")
    seen: set[str] = set()
    for field, name, kind in features:
        message = _about_name(plan, name, seen)
        if message is None and name not in columns:
            message = _unknown(name, manifest)
        if message is None:
            message = _about_column(columns[name], kind, manifest)
        if message is not None:
            yield FieldFault(field, message)
        seen.add(name)


def _about_name(plan: TrainingPlan, name: str, seen: set[str]) -> str | None:
    if name == plan.target:
        return f"column {name!r} is the target"
    if name in seen:
        return f"column {name!r} is named twice"
    return f"{name!r} is the name of one of a model's outputs" if name in RESERVED else None


def _about_column(column: Column, kind: str | None, manifest: DatasetManifest) -> str | None:
    if column.kind is ColumnKind.TIMESTAMP:
        return f"column {column.name!r} is a timestamp: derive numbers from it"
    if column.missing >= manifest.row_count:
        return f"column {column.name!r} has no value in any of {manifest.row_count} rows"
    kind = kind or _kind_of(column)
    if kind == "numeric" and column.kind not in _NUMERIC:
        return f"column {column.name!r} is {column.kind}, a numeric feature needs numbers"
    if kind == "categorical" and column.distinct > MOST_CATEGORIES:
        return f"column {column.name!r} has more than {MOST_CATEGORIES} categories"
    return None


def _target_faults(
    plan: TrainingPlan, columns: dict[str, Column], manifest: DatasetManifest
) -> Iterator[FieldFault]:
    column = columns.get(plan.target)
    if column is None:
        yield FieldFault("target", _unknown(plan.target, manifest))
    elif column.missing >= manifest.row_count:
        yield FieldFault("target", f"column {column.name!r} has no value in any row")
    else:
        message = _about_classes(column) if plan.task is Task.CLASSIFICATION else _about_numbers(column)
        if message is not None:
            yield FieldFault("target", message)


def _about_numbers(column: Column) -> str | None:
    if column.kind is not ColumnKind.NUMBER:
        return f"column {column.name!r} is {column.kind}, a regression needs numbers"
    return _about_variety(column)


def _about_classes(column: Column) -> str | None:
    if column.kind is ColumnKind.TIMESTAMP:
        return f"column {column.name!r} is a timestamp, a classification needs classes"
    if column.counts is None:
        return f"column {column.name!r} has more than {MOST_CLASSES} different values, too many for classes"
    if column.kind is ColumnKind.NUMBER:
        broken = next((text for text in column.counts if not _is_whole(text)), None)
        if broken is not None:
            return f"column {column.name!r} has the value {broken}: classes are integers or text"
    return _about_variety(column)


def _about_variety(column: Column) -> str | None:
    if column.distinct > 1:
        return None
    return f"column {column.name!r} has only one value in all of its rows"


def _is_whole(text: str) -> bool:
    try:
        return float(text).is_integer()
    except ValueError:
        return False


def _split_faults(
    plan: TrainingPlan, columns: dict[str, Column], manifest: DatasetManifest
) -> Iterator[FieldFault]:
    if plan.split.by is not None:
        message = _about_order(plan, columns.get(plan.split.by), manifest)
        if message is not None:
            yield FieldFault("split.by", message)
    target = columns.get(plan.target)
    if target is None:
        return
    rows = manifest.row_count - target.missing
    kept_back = _held_out_rows(plan, target, rows)
    if rows and (kept_back < 1 or rows - kept_back < FEWEST_TRAINED):
        yield FieldFault(
            "split.holdout_fraction",
            f"of {rows} rows with a target, {kept_back} would be held out and {rows - kept_back} trained on",
        )


def _about_order(plan: TrainingPlan, column: Column | None, manifest: DatasetManifest) -> str | None:
    if plan.split.kind != "ordered":
        return "a random split has no order"
    if column is None:
        return _unknown(plan.split.by or "", manifest)
    if column.name == plan.target:
        return f"column {column.name!r} is the target"
    return f"column {column.name!r} is missing in {column.missing} rows" if column.missing else None


def _held_out_rows(plan: TrainingPlan, target: Column, rows: int) -> int:
    fraction = plan.split.holdout_fraction
    if plan.task is Task.CLASSIFICATION and plan.split.kind == "random" and target.counts:
        return sum(held_out_of_class(count, fraction) for count in target.counts.values())
    return held_out(rows, fraction)


def _unknown(name: str, manifest: DatasetManifest) -> str:
    names = ", ".join(column.name for column in manifest.columns[:20])
    more = f" and {len(manifest.columns) - 20} more" if len(manifest.columns) > 20 else ""  # noqa: PLR2004 - shown
    return (
        f"dataset {manifest.name!r} version {manifest.version} has no column {name!r}; it has {names}{more}"
    )
