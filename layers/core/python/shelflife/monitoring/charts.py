"""Charts of a drift report as inline SVG: no scripts, colours from the page's style, each with a title.

Every value that a chart shows is also in the page's tables, or in the title of its bar.
"""

from collections.abc import Iterator, Sequence

from shelflife.monitoring.figures import distance, figure, moment, share, text, whole, words
from shelflife.monitoring.report import Bar, ColumnReport, ErrorPoint, RealisedError

_WIDTH = 720
_LEFT, _RIGHT, _TOP = 46, 8, 10
_PLOT = 170
_BOTTOM = 30
_ROW = 30
_NAMES = 170
#: Width of a letter of an axis' text, in the units of the drawing.
_LETTER = 6.2
_LONGEST_NAME = 26
#: Where an axis may end, as parts of a power of ten: its half is a round number too.
_ROUND = (0.1, 0.12, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


def column_chart(column: ColumnReport) -> str:
    """Both sides' shares of each bin: upright bars for numbers, lying ones for categories."""
    drawn = _histogram if column.kind == "number" else _ledger
    return drawn(column)


def error_chart(error: RealisedError) -> str:
    """The realised error over time, with the held-out error as a line to compare with."""
    points = error.points
    values = [point.value for point in points] + ([error.held_out] if error.held_out is not None else [])
    top = _ceiling(max(values, default=0.0))
    places = [_LEFT + (i + 0.5) * (_WIDTH - _LEFT - _RIGHT) / len(points) for i in range(len(points))]
    heights = [_height(point.value, top) for point in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(places, heights, strict=True))
    parts = [*_grid(top, figure), f'<polyline class="line" points="{line}"/>']
    parts += [_dot(x, y, point) for x, y, point in zip(places, heights, points, strict=True)]
    parts += _time_labels(places, points)
    if error.held_out is not None:
        y = _height(error.held_out, top)
        parts.append(f'<line class="mark" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="note" x="{_WIDTH - _RIGHT}" y="{y + 14:.1f}" text-anchor="end">'
            f"held out {figure(error.held_out)}</text>"
        )
    told = f"{len(points)} points from {figure(min(values))} to {figure(max(values))}."
    title = f"Realised {words(error.metric)} over time"
    return _svg("error", title, told, _TOP + _PLOT + _BOTTOM, parts)


def _histogram(column: ColumnReport) -> str:
    bars = column.bars
    sides = _totals(bars)
    top = _ceiling(max((_share(bar, side, sides) for bar in bars for side in (0, 1)), default=0.0))
    slot = (_WIDTH - _LEFT - _RIGHT) / max(len(bars), 1)
    parts = list(_grid(top, share))
    for place, bar in enumerate(bars):
        parts.append(_pair(_LEFT + place * slot, slot, bar, (sides, top)))
    every = max(1, -(-int(max((len(bar.label) for bar in bars), default=0) * _LETTER + 8) // int(slot)))
    parts += [
        _axis_label(_LEFT + (place + 0.5) * slot, bar.label, ends=place == len(bars) - 1 and every > 1)
        for place, bar in enumerate(bars)
        if _is_labelled(place, len(bars), every)
    ]
    return _svg(f"column-{column.name}", _title(column), _told(column), _TOP + _PLOT + _BOTTOM, parts)


def _is_labelled(place: int, count: int, every: int) -> bool:
    """Every so many bars, and the last one, unless it would run into its neighbour."""
    last = count - 1
    return place == last or (place % every == 0 and last - place >= every)


def _pair(left: float, slot: float, bar: Bar, scale: tuple[tuple[int, int], float]) -> str:
    sides, top = scale
    width = slot * 0.42
    rects = []
    for side, name in enumerate(("baseline", "window")):
        y = _height(_share(bar, side, sides), top)
        x = left + slot * 0.08 + side * width
        rects.append(
            f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}"'
            f' height="{_TOP + _PLOT - y:.1f}"/>'
        )
    # The hit area is as high as the plot, so that small bars can be pointed at as well.
    hit = f'<rect class="hit" x="{left:.1f}" y="{_TOP}" width="{slot:.1f}" height="{_PLOT}"/>'
    return f"<g>{_bar_title(bar, sides)}{''.join(rects)}{hit}</g>"


def _ledger(column: ColumnReport) -> str:
    bars = column.bars
    sides = _totals(bars)
    top = _ceiling(max((_share(bar, side, sides) for bar in bars for side in (0, 1)), default=0.0))
    room = _WIDTH - _NAMES - 70
    parts = []
    for place, bar in enumerate(bars):
        y = _TOP + place * _ROW
        name = bar.label if len(bar.label) <= _LONGEST_NAME else f"{bar.label[: _LONGEST_NAME - 1]}…"
        parts.append(
            f'<text class="name" x="{_NAMES - 10}" y="{y + 15}" text-anchor="end">{text(name)}</text>'
        )
        for side, css in enumerate(("baseline", "window")):
            found = _share(bar, side, sides)
            width, below = room * found / top, y + side * 11
            parts.append(
                f"<g>{_bar_title(bar, sides)}"
                f'<rect class="{css}" x="{_NAMES}" y="{below}" width="{width:.1f}" height="10"/></g>'
                f'<text class="note" x="{_NAMES + width + 6:.1f}" y="{below + 9}">{share(found)}</text>'
            )
    return _svg(f"column-{column.name}", _title(column), _told(column), _TOP + len(bars) * _ROW + 4, parts)


def _title(column: ColumnReport) -> str:
    return f"Distribution of {column.name}: baseline and window"


def _told(column: ColumnReport) -> str:
    sides = _totals(column.bars)
    moved = max(column.bars, key=lambda bar: abs(_share(bar, 1, sides) - _share(bar, 0, sides)), default=None)
    if moved is None:
        return "No values on either side."
    return (
        f"The largest change is at {moved.label}: {share(_share(moved, 0, sides))} of the baseline,"
        f" {share(_share(moved, 1, sides))} of the window."
    )


def _totals(bars: Sequence[Bar]) -> tuple[int, int]:
    return sum(bar.baseline for bar in bars), sum(bar.window for bar in bars)


def _share(bar: Bar, side: int, totals: tuple[int, int]) -> float:
    return (bar.baseline, bar.window)[side] / totals[side] if totals[side] else 0.0


def _bar_title(bar: Bar, sides: tuple[int, int]) -> str:
    one, other = (
        f"{name} {share(_share(bar, side, sides))} ({whole(count)})"
        for side, (name, count) in enumerate((("baseline", bar.baseline), ("window", bar.window)))
    )
    return f"<title>{text(bar.label)}: {one}, {other}</title>"


def _grid(top: float, told: object) -> Iterator[str]:
    for part in (0.0, 0.5, 1.0):
        y = _height(top * part, top)
        label = told(top * part) if callable(told) else ""
        yield f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="axis" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text(label)}</text>'


def _height(value: float, top: float) -> float:
    return _TOP + _PLOT * (1 - value / top)


def _ceiling(value: float) -> float:
    """The next round number, so that the axis can be read."""
    if value <= 0:
        return 1.0
    unit = 1.0
    while value > unit:
        unit *= 10
    while value <= unit / 10:
        unit /= 10
    return next(unit * part for part in _ROUND if value <= unit * part)


def _dot(x: float, y: float, point: ErrorPoint) -> str:
    label = f"{moment(point.begins_at)}: {distance(point.value)} over {whole(point.rows)} rows"
    return f'<g><title>{text(label)}</title><circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/></g>'


def _time_labels(places: Sequence[float], points: Sequence[ErrorPoint]) -> Iterator[str]:
    if not points:
        return
    span = points[-1].ends_at - points[0].begins_at
    form = "%d %b" if span.days > 3 else "%d %b %H:%M" if span.days else "%H:%M"  # noqa: PLR2004 - days that read well
    every = max(1, -(-len(points) // 8))
    for place, (x, point) in enumerate(zip(places, points, strict=True)):
        if _is_labelled(place, len(points), every):
            yield _axis_label(x, f"{point.begins_at:{form}}", ends=False)


def _axis_label(x: float, label: str, *, ends: bool) -> str:
    """Below its bar; one that would leave the drawing ends at the plot's edge instead."""
    place, anchor = (float(_WIDTH - _RIGHT), "end") if ends else (x, "middle")
    return (
        f'<text class="axis" x="{place:.1f}" y="{_TOP + _PLOT + 17}" text-anchor="{anchor}">'
        f"{text(label)}</text>"
    )


def _svg(name: str, title: str, told: str, height: float, parts: Sequence[str]) -> str:
    ident = "".join(letter if letter.isalnum() else f"-{ord(letter)}-" for letter in name)
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-labelledby="{ident}-t {ident}-d">'
        f'<title id="{ident}-t">{text(title)}</title><desc id="{ident}-d">{text(told)}</desc>'
        f"{''.join(parts)}</svg>"
    )
