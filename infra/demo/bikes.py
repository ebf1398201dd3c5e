"""The demo's data, as someone outside the platform holds it: rows of a CSV file, cut by day."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).with_name("data") / "bikeshare.csv"

TARGET = "bikers"
NUMBERS = ("hr", "holiday", "weekday", "workingday", "temp", "atemp", "hum", "windspeed")
CATEGORIES = ("weathersit",)

#: Days of the year (2011) by which the story is told.
END_OF_APRIL, END_OF_JULY, END_OF_AUGUST = 120, 212, 243

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Bikes:
    """Hourly rows in order of time."""

    rows: tuple[Row, ...]

    @staticmethod
    def read() -> "Bikes":
        with DATA.open(newline="") as file:
            return Bikes(tuple(csv.DictReader(file)))

    def between(self, after_day: int, last_day: int) -> "Bikes":
        return Bikes(tuple(row for row in self.rows if after_day < int(row["day"]) <= last_day))

    def days(self) -> list["Bikes"]:
        """One part per day."""
        by_day: dict[str, list[Row]] = {}
        for row in self.rows:
            by_day.setdefault(row["day"], []).append(row)
        return [Bikes(tuple(rows)) for rows in by_day.values()]

    def csv(self) -> bytes:
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(self.rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue().encode()

    def inputs(self) -> list[dict[str, Any]]:
        """The rows as Open Inference Protocol tensors, one per feature."""
        shape = [len(self.rows), 1]
        numbers = [
            {
                "name": name,
                "datatype": "FP32",
                "shape": shape,
                "data": [float(row[name]) for row in self.rows],
            }
            for name in NUMBERS
        ]
        texts = [
            {"name": name, "datatype": "BYTES", "shape": shape, "data": [row[name] for row in self.rows]}
            for name in CATEGORIES
        ]
        return numbers + texts

    def demand(self) -> list[float]:
        return [float(row[TARGET]) for row in self.rows]
