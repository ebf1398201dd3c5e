"""A report as one page of HTML that needs nothing else: to be kept, sent and opened anywhere."""

from shelflife.monitoring.charts import error_chart
from shelflife.monitoring.column_card import column_card, shown, verdict_badge
from shelflife.monitoring.figures import chance, counted, distance, figure, moment, share, text, whole, words
from shelflife.monitoring.model import Outcome
from shelflife.monitoring.report import ColumnReport, RealisedError, Report
from shelflife.monitoring.style import STYLE

_VERDICT = {Outcome.DRIFT: "Drift detected", Outcome.STEADY: "No drift"}
#: Statistics of the overview's columns; a number has the first of a pair, a category the second.
_OVERVIEW = (
    ("Stability index", ("stability_index", "stability_index")),
    ("Distance", ("wasserstein", "jensen_shannon")),
    ("Shift of the mean", ("mean_shift", None)),
    ("Missing values", ("missing_rate", "missing_rate")),
)


def render(report: Report) -> str:
    """The report's page; every text of the report is escaped."""
    drifted = [column for column in report.columns if column.drifted or column.role == "prediction"]
    steady = [column for column in report.columns if column not in drifted]
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Drift report: {text(report.deployment)}, {moment(report.created_at)}</title>
<style>{STYLE}</style></head>
<body><main>
{_header(report)}
{_tiles(report)}
{_error(report.error)}
<h2>All columns</h2>
{_overview(report)}
<h2>{"What changed" if report.drifted else "Predictions"}</h2>
{"".join(column_card(column) for column in drifted)}
{_steady(steady)}
{_footer(report)}
</main></body></html>
"""


def _header(report: Report) -> str:
    facts = {
        "Model": f"{report.model_name}, version {report.model_version}",
        "Revision": f"{report.revision}, serving since {moment(report.activated_at)}",
        "Captured from": moment(report.window.first_at),
        "Captured to": moment(report.window.last_at),
        "Rows in the window": whole(report.window.row_count),
        "Baseline": f"{whole(report.baseline_rows)} training rows of {report.dataset_name},"
        f" version {report.dataset_version}",
    }
    shown_facts = "".join(f"<div><dt>{name}</dt><dd>{text(fact)}</dd></div>" for name, fact in facts.items())
    return f"""<header><p class="eyebrow">Drift report</p><h1>{text(report.deployment)}</h1>
<p class="soft">{moment(report.created_at)}</p>
<div class="verdict {report.outcome}"><strong>{_VERDICT[report.outcome]}</strong>
<p>{text(_sentence(report.reason))}</p></div>
<dl class="facts">{shown_facts}</dl></header>"""


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}."


def _tiles(report: Report) -> str:
    features = [one for one in report.columns if one.role == "feature" and not one.ignored]
    moved = sum(one.drifted for one in features)
    predictions = [one for one in report.columns if one.role == "prediction"]
    state = "drifted" if any(one.drifted for one in predictions) else "steady"
    limit = f"limit {share(report.policy.share_drifted)}, found {share(report.share_drifted)}"
    tiles = [
        ("Drifted features", f"{moved} of {len(features)}", limit),
        ("Predictions", state if predictions else "not profiled", _stability(predictions)),
        ("Realised error", *_error_tile(report.error)),
    ]
    return f"""<div class="tiles">{
        "".join(
            f'<div class="card"><span class="soft">{name}</span><b>{value}</b>'
            f'<span class="soft">{text(note)}</span></div>'
            for name, value, note in tiles
        )
    }</div>"""


def _stability(columns: list[ColumnReport]) -> str:
    found = [test for one in columns for test in one.tests if test.test == "stability_index"]
    return f"stability index {distance(found[0].value)}" if found else ""


def _error_tile(error: RealisedError | None) -> tuple[str, str]:
    if error is None:
        return "unknown", "no labels have been sent"
    if error.value is None:
        return "unknown", error.reason
    return figure(error.value), f"{words(error.metric)}; held out {figure(error.held_out)}"


def _error(error: RealisedError | None) -> str:
    if error is None:
        return ""
    verdict = '<span class="badge bad">too high</span>' if error.drifted else ""
    told = [counted(error.rows, "labelled row")]
    if error.standard_error is not None:
        told.append(f"standard error {figure(error.standard_error)}")
    if error.unmatched:
        told.append(f"{counted(error.unmatched, 'label')} without a captured row in the window")
    if error.mismatched:
        told.append(f"{counted(error.mismatched, 'label')} with another number of values than rows captured")
    chart = error_chart(error) if error.points else ""
    return f"""<h2>Realised error</h2>
<section class="card"><div class="head"><h3>{text(_sentence(error.reason))}</h3>{verdict}</div>
<p class="soft">{text(", ".join(told))}</p>{chart}</section>"""


def _overview(report: Report) -> str:
    heads = "".join(f'<th scope="col" class="number">{name}</th>' for name, _ in _OVERVIEW)
    rows = "".join(_overview_row(column) for column in report.columns)
    return f"""<section class="card"><div class="scroll"><table>
<caption>Distance: Wasserstein in standard deviations for numbers, Jensen-Shannon for categories.
Red values are at or above their threshold, with p below {report.policy.p_below:g}.</caption>
<thead><tr><th scope="col">Column</th><th scope="col">Kind</th>{heads}
<th scope="col">Verdict</th></tr></thead><tbody>{rows}</tbody></table></div></section>"""


def _overview_row(column: ColumnReport) -> str:
    kind = column.kind if column.role == "feature" else f"prediction, {column.kind}"
    cells = "".join(_cell(column, names[column.kind == "category"]) for _, names in _OVERVIEW)
    return (
        f'<tr><th scope="row">{text(column.name)}</th><td class="soft">{kind}</td>{cells}'
        f"<td>{verdict_badge(column)}</td></tr>"
    )


def _cell(column: ColumnReport, name: str | None) -> str:
    test = next((one for one in column.tests if one.test == name), None)
    if test is None:
        return '<td class="number soft">–</td>'  # noqa: RUF001 - a dash stands for nothing
    over = " over" if test.drifted else ""
    limit = f"from {test.threshold:g}" if test.threshold is not None else ""
    small = ", ".join(part for part in (limit, chance(test.p_value)) if part)
    return f'<td class="number{over}">{shown(test)}<small>{small}</small></td>'


def _steady(columns: list[ColumnReport]) -> str:
    if not columns:
        return ""
    cards = "".join(column_card(column) for column in columns)
    names = text(", ".join(column.name for column in columns))
    count = counted(len(columns), "column")
    return f"<details><summary>{count} without drift: {names}</summary>{cards}</details>"


def _footer(report: Report) -> str:
    policy = report.policy
    ignored = f" Ignored: {text(', '.join(policy.ignored))}." if policy.ignored else ""
    predictions = "" if policy.judge_predictions else " (not judged here)"
    return f"""<footer><p>A column has drifted if one of its judged statistics reaches its threshold and its
p-value is below {policy.p_below:g}. The deployment has drifted if at least {share(policy.share_drifted)}
of its features have, if its predictions have{predictions}, or if the realised error is at least
{policy.error_ratio:g} times the held-out one over {whole(policy.min_labels)} labels or more.{ignored}</p>
<p>Report {text(report.report_id)}, from
{counted(report.window.profile_count, "capture profile")} sought since
{moment(report.window.since)}.</p></footer>"""
