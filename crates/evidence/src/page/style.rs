//! The style of the pages: dark and light, printable, no file beside them.

/// A style sheet.
pub(super) const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1b2430; --paper: #fbfbf9; --faint: #d9dde3; --soft: #66707d;
  --drain: #d98e04; --act: #3b6fb6; --wait: #7a9e3f; --good: #2e7d4f; --bad: #c0392b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --paper: #14181e; --faint: #2c343f; --soft: #98a3b3;
  --drain: #f0b13c; --act: #6fa3ea; --wait: #a3c96a; --good: #58c088; --bad: #f07366; } }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; } h1, p { overflow-wrap: anywhere; }
.lead { color: var(--soft); margin-top: .2rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: 1rem; margin: 1.5rem 0; }
.card { border: 1px solid var(--faint); border-radius: 8px; padding: .8rem 1rem; }
.card b { display: block; font-size: 1.2rem; font-variant-numeric: tabular-nums; } .card span { color: var(--soft); font-size: .85rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--faint); } th { color: var(--soft); font-weight: 600; }
td.number { text-align: right; font-variant-numeric: tabular-nums; } code { font-size: .85em; overflow-wrap: anywhere; }
.good { color: var(--good); } .bad { color: var(--bad); }
svg { width: 100%; height: auto; display: block; } svg text { font-size: 12px; fill: var(--ink); } svg .strong { font-weight: 600; }
svg .label { fill: var(--soft); text-anchor: middle; font-size: 11px; } svg .tick { stroke: var(--faint); } svg .zone { stroke: var(--soft); stroke-dasharray: 2 3; }
.drain { fill: var(--drain); background: var(--drain); } .act { fill: var(--act); background: var(--act); } .wait { fill: var(--wait); background: var(--wait); }
svg .current { fill: none; stroke: var(--act); stroke-width: 2; } svg .desired { fill: none; stroke: var(--bad); stroke-dasharray: 5 4; }
.unwatched { fill: var(--bad); fill-opacity: .2; background: color-mix(in srgb, var(--bad) 20%, var(--paper)); }
svg .failed { fill: var(--bad); } .key i { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin: 0 .3em 0 1em; }
@media print { :root { color-scheme: light; --ink: #1b2430; --paper: #fff; --faint: #d9dde3; --soft: #66707d;
  --drain: #d98e04; --act: #3b6fb6; --wait: #7a9e3f; --good: #2e7d4f; --bad: #c0392b; } * { print-color-adjust: exact; }
  body { margin: 0; max-width: none; } .cards { grid-template-columns: repeat(4, 1fr); gap: .6rem; } h2 { break-after: avoid; } svg, tr { break-inside: avoid; } }
";
