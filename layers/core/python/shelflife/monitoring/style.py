"""The one style sheet of a report's page, inside the page: it needs nothing from anywhere."""

STYLE = """
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #ffffff; --ink: #17202b; --soft: #5a6675;
  --rule: #e1e6ec; --baseline: #9fb0c3; --window: #2f6fde; --bad: #b3261e; --bad-soft: #fdecea;
  --good: #19704a; --good-soft: #e5f5ec; --mark: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ground: #10151c; --card: #18202a; --ink: #e8edf3;
  --soft: #9aa8b8; --rule: #2b3643; --baseline: #62748a; --window: #6ea8ff; --bad: #ff8a80;
  --bad-soft: #3a1f20; --good: #6fd3a0; --good-soft: #16332a; --mark: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.5;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 32px 20px 48px; }
h1 { font-size: 30px; line-height: 1.2; margin: 2px 0 0; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 36px 0 12px; }
h3 { font-size: 16px; margin: 0; overflow-wrap: anywhere; }
p { margin: 0; }
.eyebrow { color: var(--soft); font-size: 13px; letter-spacing: .04em; text-transform: uppercase; }
.soft { color: var(--soft); }
.verdict { border-radius: 10px; padding: 14px 18px; margin: 18px 0 0; border-left: 5px solid; }
.verdict strong { display: block; font-size: 17px; }
.verdict.drift { background: var(--bad-soft); border-color: var(--bad); }
.verdict.drift strong { color: var(--bad); }
.verdict.steady { background: var(--good-soft); border-color: var(--good); }
.verdict.steady strong { color: var(--good); }
.facts, .tiles { display: grid; gap: 12px; margin: 16px 0 0; padding: 0; }
.facts { grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); }
.tiles { grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); }
.facts dt { color: var(--soft); font-size: 13px; }
.facts dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 18px 20px; }
.card + .card { margin-top: 14px; }
.tiles .card { margin: 0; }
.tiles b { display: block; font-size: 26px; line-height: 1.25; font-variant-numeric: tabular-nums; }
.head { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 12px; margin-bottom: 4px; }
.head .soft { font-size: 13px; }
.badge { display: inline-block; border-radius: 20px; padding: 1px 10px; font-size: 13px; font-weight: 600;
  white-space: nowrap; }
.badge.bad { background: var(--bad-soft); color: var(--bad); }
.badge.good { background: var(--good-soft); color: var(--good); }
.badge.none { background: var(--rule); color: var(--soft); }
.scroll { overflow-x: auto; }
.scroll + .scroll { margin-top: 18px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; }
caption { text-align: left; color: var(--soft); font-size: 13px; padding-bottom: 6px; }
th, td { text-align: left; padding: 7px 14px 7px 0; border-bottom: 1px solid var(--rule);
  vertical-align: top; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); font-weight: 600; font-size: 13px; }
tbody th { font-weight: 600; min-width: 7.5em; overflow-wrap: anywhere; }
tbody tr:last-child > * { border-bottom: 0; }
td.number, th.number { text-align: right; white-space: nowrap; }
td small { color: var(--soft); font-size: 12px; display: block; }
td.over { color: var(--bad); font-weight: 600; }
td.over small { font-weight: 400; }
.legend { display: flex; gap: 18px; color: var(--soft); font-size: 13px; margin: 6px 0 8px; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin-right: 6px; }
.legend .baseline { background: var(--baseline); }
.legend .window { background: var(--window); }
svg { display: block; width: 100%; height: auto; font: 11px system-ui, sans-serif; }
svg .baseline { fill: var(--baseline); }
svg .window { fill: var(--window); }
svg .hit { fill: transparent; }
svg g:hover .hit { fill: currentColor; fill-opacity: .06; }
svg .grid { stroke: var(--rule); }
svg .axis, svg .note { fill: var(--soft); }
svg .name { fill: var(--ink); font-size: 12px; }
svg .line { fill: none; stroke: var(--window); stroke-width: 2; stroke-linejoin: round; }
svg .dot { fill: var(--window); }
svg .mark { stroke: var(--mark); stroke-dasharray: 5 4; }
details { margin-top: 12px; }
summary { cursor: pointer; color: var(--soft); font-size: 14px; }
details[open] > summary { margin-bottom: 10px; }
details .card { margin-top: 14px; }
footer { color: var(--soft); font-size: 13px; margin-top: 32px; }
@media print { .card { break-inside: avoid; } }
"""
