"""What may be tuned, within which bounds, and what it is otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass

from shelflife.contracts.models import Task
from shelflife.kernel.errors import FieldFault
from shelflife.training.model import Algorithm, HyperparameterValue

Values = dict[str, HyperparameterValue]


@dataclass(frozen=True, slots=True)
class Whole:
    """An integer from `low` to `high`, or nothing where that means "no limit"."""

    low: int
    high: int
    default: int | None
    optional: bool = False

    def accepts(self, value: HyperparameterValue) -> bool:
        if value is None:
            return self.optional
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high

    def __str__(self) -> str:
        return f"an integer from {self.low} to {self.high}{' or null' if self.optional else ''}"


@dataclass(frozen=True, slots=True)
class Real:
    """A number from `low` to `high`."""

    low: float
    high: float
    default: float

    def accepts(self, value: HyperparameterValue) -> bool:
        return (
            isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high
        )

    def __str__(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of some words, nothing among them where it is allowed, or a share where `shares`."""

    words: tuple[str | bool | None, ...]
    default: str | bool | float | None
    shares: bool = False

    def accepts(self, value: HyperparameterValue) -> bool:
        # A share is written as a fraction: 1 would be one feature to some, and all of them to others.
        share = self.shares and isinstance(value, float) and 0 < value <= 1
        return share or any(
            value is word or (isinstance(value, str) and value == word) for word in self.words
        )

    def __str__(self) -> str:
        words = ", ".join("null" if word is None else str(word).lower() for word in self.words)
        return f"one of {words}{' or a fraction up to 1.0' if self.shares else ''}"


Rule = Whole | Real | OneOf

_TREE_DEPTH = Whole(1, 64, default=None, optional=True)
_LEARNING_RATE = Real(1e-6, 1, default=0.1)
_CLASS_WEIGHT = OneOf((None, "balanced"), default=None)

_RULES: dict[Algorithm, dict[str, Rule]] = {
    Algorithm.HIST_GRADIENT_BOOSTING: {
        "learning_rate": _LEARNING_RATE,
        "max_iter": Whole(1, 5000, default=200),
        "max_leaf_nodes": Whole(2, 1024, default=31, optional=True),
        "max_depth": _TREE_DEPTH,
        "min_samples_leaf": Whole(1, 100_000, default=20),
        "l2_regularization": Real(0, 1e6, default=0.0),
        "max_bins": Whole(2, 255, default=255),
        "early_stopping": OneOf((True, False), default=False),
    },
    Algorithm.GRADIENT_BOOSTING: {
        "learning_rate": _LEARNING_RATE,
        "n_estimators": Whole(1, 5000, default=100),
        "max_depth": Whole(1, 32, default=3),
        "min_samples_leaf": Whole(1, 100_000, default=1),
        "subsample": Real(0.01, 1, default=1.0),
    },
    Algorithm.RANDOM_FOREST: {
        "n_estimators": Whole(1, 2000, default=100),
        "max_depth": _TREE_DEPTH,
        "max_leaf_nodes": Whole(2, 100_000, default=None, optional=True),
        "min_samples_leaf": Whole(1, 100_000, default=1),
        "max_features": OneOf(("sqrt", "log2", None), default=None, shares=True),
    },
    Algorithm.LINEAR: {},
}
_OF_TASK: dict[tuple[Algorithm, Task], dict[str, Rule]] = {
    (Algorithm.HIST_GRADIENT_BOOSTING, Task.CLASSIFICATION): {"class_weight": _CLASS_WEIGHT},
    (Algorithm.RANDOM_FOREST, Task.CLASSIFICATION): {
        "class_weight": _CLASS_WEIGHT,
        "max_features": OneOf(("sqrt", "log2", None), default="sqrt", shares=True),
    },
    (Algorithm.LINEAR, Task.REGRESSION): {"alpha": Real(0, 1e9, default=1.0)},
    (Algorithm.LINEAR, Task.CLASSIFICATION): {
        "C": Real(1e-9, 1e9, default=1.0),
        "max_iter": Whole(1, 100_000, default=1000),
        "class_weight": _CLASS_WEIGHT,
    },
}


def rules_of(algorithm: Algorithm, task: Task) -> Mapping[str, Rule]:
    return _RULES[algorithm] | _OF_TASK.get((algorithm, task), {})


def settled(algorithm: Algorithm, task: Task, chosen: Mapping[str, HyperparameterValue]) -> Values:
    """The chosen values, and the defaults of all others."""
    return {name: rule.default for name, rule in rules_of(algorithm, task).items()} | dict(chosen)


def hyperparameter_faults(
    algorithm: Algorithm, task: Task, chosen: Mapping[str, HyperparameterValue]
) -> list[FieldFault]:
    """What of the chosen values cannot be accepted."""
    rules = rules_of(algorithm, task)
    faults = []
    for name, value in chosen.items():
        rule = rules.get(name)
        if rule is None:
            message = f"{algorithm} for {task} has no {name!r}; it has {', '.join(sorted(rules))}"
        elif not rule.accepts(value):
            message = f"expected {rule}, got {value!r}"
        else:
            continue
        faults.append(FieldFault(f"hyperparameters.{name}", message))
    return faults
