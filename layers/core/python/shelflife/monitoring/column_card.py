"""What a report's page shows of one column."""

from collections.abc import Iterable

from shelflife.monitoring.charts import column_chart
from shelflife.monitoring.figures import chance, distance, figure, share, text, whole, words
from shelflife.monitoring.report import ColumnReport, Side, TestResult

_RATES = {"missing_rate", "unseen_rate"}


def column_card(column: ColumnReport) -> str:
    """The column's chart, its statistics, and behind a click the bins of its stability index."""
    return f"""
<section class="card">
  <div class="head"><h3>{text(column.name)}</h3>{verdict_badge(column)}
    <span class="soft">{_summary(column)}</span></div>
  <div class="legend"><span><i class="baseline"></i>Baseline</span>
    <span><i class="window"></i>Window</span></div>
  {column_chart(column)}
  <div class="scroll"><table>
    <thead><tr><th scope="col">Statistic</th><th scope="col" class="number">Value</th>
      <th scope="col" class="number">Drift from</th><th scope="col">Definition</th></tr></thead>
    <tbody>{"".join(_test_row(test) for test in column.tests)}</tbody>
  </table></div>
  <details><summary>Bins of the stability index, and both sides in figures</summary>
    {_bins_table(column)}
    {_sides_table(column)}
  </details>
</section>"""


def verdict_badge(column: ColumnReport) -> str:
    if column.ignored:
        return '<span class="badge none">ignored</span>'
    kind, word = ("bad", "drifted") if column.drifted else ("good", "steady")
    return f'<span class="badge {kind}">{word}</span>'


def shown(test: TestResult) -> str:
    """A statistic's value: rates as a change in points, everything else as a distance."""
    if test.value is None:
        return "not defined"
    if test.test in _RATES:
        return f"{test.value * 100:+.1f} points" if test.value else "no change"
    if test.test == "mean_shift":
        return f"{test.value:+.3f}"
    return figure(test.value) if test.test == "chi_squared" else distance(test.value)


def _summary(column: ColumnReport) -> str:
    if column.role == "prediction":
        return "what the model answered"
    return "number" if column.kind == "number" else "category"


def _test_row(test: TestResult) -> str:
    threshold = "not judged" if test.threshold is None else _threshold(test)
    css = "number over" if test.drifted else "number"
    return (
        f'<tr><th scope="row">{words(test.test)}</th>'
        f'<td class="{css}">{shown(test)}<small>{chance(test.p_value)}</small></td>'
        f'<td class="number">{threshold}</td><td class="soft">{text(test.variant)}</td></tr>'
    )


def _threshold(test: TestResult) -> str:
    value = test.threshold or 0.0
    return f"{value * 100:g} points" if test.test in _RATES else f"{value:g}"


def _bins_table(column: ColumnReport) -> str:
    totals = [max(sum(counts), 1) for counts in zip(*_counts(column), strict=True)]
    rows = "".join(
        f'<tr><th scope="row">{text(bar.label)}</th>'
        + "".join(
            f'<td class="number">{whole(count)}</td><td class="number">{share(count / total)}</td>'
            for count, total in zip((bar.baseline, bar.window), totals, strict=True)
        )
        + "</tr>"
        for bar in column.index_bars
    )
    return f"""<div class="scroll"><table>
    <caption>The very bins that the stability index was computed over.</caption>
    <thead><tr><th scope="col">Bin</th><th scope="col" class="number">Baseline rows</th>
      <th scope="col" class="number">Share</th><th scope="col" class="number">Window rows</th>
      <th scope="col" class="number">Share</th></tr></thead><tbody>{rows}</tbody></table></div>"""


def _counts(column: ColumnReport) -> Iterable[tuple[int, int]]:
    return [(bar.baseline, bar.window) for bar in column.index_bars]


def _sides_table(column: ColumnReport) -> str:
    rows = "".join(
        f'<tr><th scope="row">{name}</th>{_side_cells(side, column.kind)}</tr>'
        for name, side in (("Baseline", column.baseline), ("Window", column.window))
    )
    names = ["Rows", "Missing"]
    names += ["Mean", "Deviation", "Lowest", "Highest"] if column.kind == "number" else ["Unseen"]
    heads = "".join(f'<th scope="col" class="number">{name}</th>' for name in names)
    return (
        f'<div class="scroll"><table><thead><tr><th scope="col">Side</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _side_cells(side: Side, kind: str) -> str:
    found = [whole(side.rows), share(side.missing_rate)]
    if kind == "number":
        found += [figure(one) for one in (side.mean, side.deviation, side.lowest, side.highest)]
    else:
        found.append(share(side.unseen_rate))
    return "".join(f'<td class="number">{one}</td>' for one in found)
