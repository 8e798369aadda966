/**
 * The page's style: inline, system fonts only, light and dark, readable on a phone and on paper.
 */

/** The colours, light and dark: of the page, and of figures that stand alone. */
export const PALETTE = `:root {
  color-scheme: light dark;
  --paper: #f7f5f0; --card: #fffefb; --ink: #1f2328; --muted: #666b73; --line: #e3dfd5; --soft: #efece4;
  --c-executed: #0b7d70; --c-simulated: #4152c8; --c-short: #b06a12; --c-majority: #8a4bb0; --c-plain: #777d86;
  --c-wishful: #c2355f; --c-wrong: #b9b3a6; --c-none: #dedad0; --on-strong: #ffffff; --on-soft: #3a3833;
  --mark: #ffd9e2; --mark-ink: #8c1238; --good: #0b7d70; --bad: #b3263f; --good-soft: #dcf1ec; --bad-soft: #fbe3e6;
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "Source Serif 4", Georgia, serif;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14161a; --card: #1c1f24; --ink: #e8e6e1; --muted: #9da2ab; --line: #32363d; --soft: #252930;
    --c-executed: #3fbfae; --c-simulated: #909dff; --c-short: #e0a458; --c-majority: #c79be8; --c-plain: #9aa0a9;
    --c-wishful: #f27e9c; --c-wrong: #6d6a63; --c-none: #3f4147; --on-strong: #10131a; --on-soft: #eceae5;
    --mark: #5c1f33; --mark-ink: #ffc4d3; --good: #4fcbb9; --bad: #ff8d9c; --good-soft: #16372f; --bad-soft: #41202a;
  }
}
`;

export const STYLES = `
${PALETTE}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 var(--sans); }
.page { max-width: 1060px; margin: 0 auto; padding: 40px 28px 80px; }
a { color: var(--c-simulated); text-decoration-thickness: 1px; text-underline-offset: 2px; }
code, pre { font-family: var(--mono); font-size: 0.87em; }
h1, h2, h3, h4 { line-height: 1.2; margin: 0; text-wrap: balance; overflow-wrap: anywhere; }
h2 { font: 600 27px/1.2 var(--serif); margin: 64px 0 6px; }
h3 { font-size: 16px; margin: 28px 0 6px; }
h3 .dim, h4 .dim { font-weight: 400; font-size: 13.5px; }
h4 { font-size: 14px; font-weight: 600; margin: 18px 0 4px; }
p { margin: 8px 0; }
.lede { max-width: 46em; color: var(--muted); margin: 0 0 14px; }
.note { color: var(--muted); font-size: 13.5px; overflow-wrap: anywhere; }
header .eyebrow { display: flex; flex-wrap: wrap; gap: 10px; align-items: center; color: var(--muted); font-size: 13.5px; }
.brand { font-weight: 700; letter-spacing: 0.02em; color: var(--ink); }
.pill { border-radius: 99px; padding: 2px 11px; font-size: 12.5px; font-weight: 600; background: var(--soft); color: var(--ink); white-space: nowrap; }
.pill.good { background: var(--good-soft); color: var(--good); } .pill.bad { background: var(--bad-soft); color: var(--bad); }
header h1 { font: 600 15px/1.4 var(--sans); margin-top: 26px; color: var(--muted); }
.headline { font: 500 clamp(25px, 4.1vw, 39px)/1.22 var(--serif); margin: 8px 0 10px; text-wrap: balance; letter-spacing: -0.008em; }
.evidence { color: var(--muted); margin: 0 0 22px; }
.about { max-width: 46em; }
.missing { border-left: 3px solid var(--c-short); background: var(--card); padding: 10px 16px; margin: 20px 0; border-radius: 0 8px 8px 0; }
.missing ul { margin: 4px 0; padding-left: 20px; }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 14.5px; margin: 26px 0 0; padding: 10px 0; border-block: 1px solid var(--line); }
.tiles { display: grid; grid-template-columns: repeat(3, 1fr); gap: 12px; margin: 24px 0 8px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 16px 15px; }
.tile { display: flex; flex-direction: column; }
.tile .name { font-size: 13.5px; color: var(--muted); line-height: 1.35; flex: 1; }
.tile .value { font: 600 31px/1.15 var(--serif); font-variant-numeric: tabular-nums lining-nums; margin-top: 4px; }
.tile .range { font-size: 12.5px; color: var(--muted); font-variant-numeric: tabular-nums; }
.gauge { position: relative; height: 6px; background: var(--soft); border-radius: 3px; margin-top: 10px; }
.gauge i { position: absolute; inset: 0 auto 0 0; border-radius: 3px; background: currentColor; }
.gauge b { position: absolute; top: -3px; bottom: -3px; border-radius: 3px; background: currentColor; opacity: 0.28; }
.points { padding-left: 20px; max-width: 50em; } .points li { margin: 7px 0; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 18px 22px 14px; margin: 14px 0; min-width: 0; }
.card > h3:first-child, .card > h4:first-child { margin-top: 0; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 14px; } .grid .card { margin: 0; }
.plot svg { display: block; max-width: 100%; height: auto; margin: 4px 0; }
.plot .narrow { display: none; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; font-size: 13px; color: var(--muted); margin: 6px 0 2px; }
.legend i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin-right: 6px; vertical-align: -1px; }
.scroll { overflow-x: auto; margin: 8px 0; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; width: 100%; }
th { text-align: left; font-weight: 600; color: var(--muted); font-size: 12.5px; vertical-align: bottom; }
th, td { padding: 6px 14px 6px 0; border-bottom: 1px solid var(--line); } tr:last-child td { border-bottom: 0; }
th.n, td.n { text-align: right; white-space: nowrap; } td:last-child, th:last-child { padding-right: 0; }
td:first-child:not(.n) { min-width: 9em; } .ci { color: var(--muted); font-size: 0.88em; }
td.in { padding-left: 18px; color: var(--muted); }
tr.chosen td { background: color-mix(in srgb, var(--c-simulated) 10%, transparent); }
details { margin: 8px 0; } summary { cursor: pointer; color: var(--muted); font-size: 14px; } summary:hover { color: var(--ink); }
summary .pill { margin-left: 4px; }
summary .t { color: var(--ink); font-weight: 600; font-size: 16px; margin-right: 8px; overflow-wrap: anywhere; }
details.episode { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 14px 20px; margin: 12px 0; }
pre { background: var(--soft); border-radius: 8px; padding: 10px 13px; margin: 6px 0; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.45; unicode-bidi: plaintext; max-height: 460px; overflow-y: auto; }
pre.code { white-space: pre; }
.turn { border-left: 2px solid var(--line); margin: 16px 0 0 3px; padding: 0 0 2px 18px; position: relative; }
.turn::before { content: ""; position: absolute; left: -6px; top: 6px; width: 10px; height: 10px; border-radius: 50%; background: var(--c-plain); }
.turn.simulate::before, .turn.predict::before { background: var(--c-simulated); } .turn.review::before { background: var(--c-short); }
.turn .purpose { font-weight: 600; font-size: 14px; }
.sides { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; } .sides > div { min-width: 0; } .sides h4 { margin: 8px 0 0; font-size: 12.5px; color: var(--muted); }
.sides pre { margin-top: 4px; }
mark { background: var(--mark); color: var(--mark-ink); border-radius: 3px; padding: 0 1px; }
mark.line { display: inline-block; min-width: 100%; background: color-mix(in srgb, var(--mark) 45%, transparent); color: inherit; }
.good { color: var(--good); } .bad { color: var(--bad); } .dim { color: var(--muted); }
dl.facts { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; font-size: 14.5px; margin: 10px 0; } dl.facts dt { color: var(--muted); } dl.facts dd { margin: 0; overflow-wrap: anywhere; }
.flow { display: grid; grid-template-columns: auto 1fr 1fr; gap: 4px; font-size: 13.5px; max-width: 440px; margin: 8px 0; }
.flow .cell { border-radius: 8px; padding: 10px 12px; } .flow .cell b { font: 600 21px/1.1 var(--serif); display: block; } .flow .cell span { font-size: 12px; opacity: 0.85; }
.flow .head { color: var(--muted); font-size: 12.5px; align-self: end; padding: 0 4px; } .flow .side { align-self: center; }
.controls { display: flex; flex-wrap: wrap; gap: 8px 10px; align-items: center; margin: 10px 0; font-size: 14px; }
.controls input, .controls select, .controls button { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 6px 10px; min-width: 0; max-width: 100%; }
.controls input { flex: 1 1 180px; } .controls button { cursor: pointer; } .controls button:disabled { opacity: 0.45; cursor: default; }
.controls :focus-visible, summary:focus-visible { outline: 2px solid var(--c-simulated); outline-offset: 1px; }
.browser details.episode { padding: 10px 16px; margin: 8px 0; border-radius: 10px; } .browser .episode > summary .t { font-size: 15px; }
.browser details details { border-top: 1px solid var(--line); padding-top: 8px; } .browser details details .t { font-size: 14px; }
.browser .test { margin: 10px 0 14px; } .browser .sides h4 { line-height: 1.65; } .browser .sides { align-items: end; grid-template-columns: repeat(auto-fit, minmax(min(100%, 130px), 1fr)); }
.browser .sides pre { max-height: 180px; } .departure td:first-child { min-width: 6em; color: var(--muted); } .departure table { width: auto; }
.pill.pick { background: color-mix(in srgb, var(--c-simulated) 16%, transparent); color: var(--c-simulated); margin-right: 4px; }
footer { margin-top: 64px; color: var(--muted); font-size: 13.5px; border-top: 1px solid var(--line); padding-top: 14px; }
@media (max-width: 760px) {
  .page { padding: 24px 16px 60px; } h2 { font-size: 23px; margin-top: 46px; }
  .plot .wide { display: none; } .plot .narrow { display: block; }
  .card, details.episode { padding: 14px 14px 10px; border-radius: 12px; }
  .tiles { grid-template-columns: repeat(2, 1fr); gap: 9px; } .tile { padding: 11px 12px 12px; } .tile .value { font-size: 25px; }
  .sides { grid-template-columns: 1fr; gap: 2px; } dl.facts { grid-template-columns: 1fr; gap: 0; } dl.facts dd { margin-bottom: 8px; }
}
@media print { body { background: none; font-size: 12px; } nav { display: none; } .card, .tile, details.episode { break-inside: avoid; } pre { max-height: none; } }
`;
