"""What the story has come to: a table for people, JSON for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

_SHOWN_COLUMNS = 12


def show(facts: dict[str, Any], seconds: dict[str, float], console: Console) -> None:
    first, second = facts["model_versions"]
    versions = Table("", "before", "after", title="the model, before and after", title_justify="left")
    versions.add_row("dataset version", *(str(version) for version in facts["dataset_versions"]))
    versions.add_row("model version", str(first), str(second))
    versions.add_row(
        "MAE in August", f"{facts['mae_champion_before']:.1f}", f"{facts['mae_champion_after']:.1f}"
    )
    console.print()
    console.print(versions)
    console.print(_drift(facts["drift"]))
    latency = facts["latency_ms"]
    console.print(
        f"predictions  {facts['predictions']} rows; a day's 24 hours took p50 {latency['p50']} ms,"
        f" p95 {latency['p95']} ms, at most {latency['max']} ms",
        soft_wrap=True,
    )
    console.print(f"retrained by {facts['retraining_execution']}", soft_wrap=True)
    console.print(f"drift report {facts['drift_report']}", soft_wrap=True)
    console.print(f"took         {seconds['total']:.0f} s ({_slowest(seconds)})", soft_wrap=True)


def write(path: Path, facts: dict[str, Any], seconds: dict[str, float]) -> None:
    aside = path.with_suffix(".tmp")
    aside.write_text(json.dumps(facts | {"seconds": seconds}, indent=2) + "\n")
    aside.replace(path)


def _drift(columns: list[dict[str, Any]]) -> Table:
    table = Table(
        "column", "drifted", "PSI", "mean at training", "mean since", title="drift", title_justify="left"
    )
    for column in sorted(columns, key=_index, reverse=True)[:_SHOWN_COLUMNS]:
        table.add_row(
            column["name"],
            "yes" if column["drifted"] else "",
            f"{_index(column):.2f}",
            _number(column["baseline"]["mean"]),
            _number(column["window"]["mean"]),
        )
    return table


def _index(column: dict[str, Any]) -> float:
    """The column's population stability index; 0 where it is not defined."""
    found = [test["value"] for test in column["tests"] if test["test"] == "stability_index"]
    return float(found[0] or 0) if found else 0.0


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _slowest(seconds: dict[str, float]) -> str:
    steps = sorted(((took, step) for step, took in seconds.items() if step != "total"), reverse=True)
    return ", ".join(f"{step} {took:.0f} s" for took, step in steps[:4])
