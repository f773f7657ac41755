/** The look of report.html: one column that fits a phone, tables that scroll by themselves, light and dark. */
export const style = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1a1d21;--dim:#5b6470;--rule:#d8dde3;--card:#f6f8fa;--good:#146c2e;--bad:#b3261e;--open:#8a5a00;--told:#5b3fa8;--goodbg:#e3f4e8;--badbg:#fbe4e2;--openbg:#fdf0d5;--toldbg:#ece7fa;--seenbg:#e1edfb;--seen:#0b57a4;--c0:#0b57a4;--c1:#b3261e;--c2:#146c2e;--c3:#8a5a00;--c4:#5b3fa8;--c5:#0b7a75}
@media (prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e6e9ec;--dim:#9aa4af;--rule:#333a41;--card:#1c2024;--good:#7ad191;--bad:#ff9a90;--open:#f0c060;--told:#c0adff;--goodbg:#16321f;--badbg:#45201d;--openbg:#3c3015;--toldbg:#2a2445;--seenbg:#17304c;--seen:#8cc2ff;--c0:#8cc2ff;--c1:#ff9a90;--c2:#7ad191;--c3:#f0c060;--c4:#c0adff;--c5:#6fd6d0}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
main,header,footer{max-width:1080px;margin:0 auto;padding:0 16px}
header{padding-top:20px}
h1{font-size:1.5rem;margin:0 0 4px}
h2{font-size:1.2rem;margin:36px 0 10px;padding-bottom:4px;border-bottom:1px solid var(--rule)}
h3{font-size:1rem;margin:0 0 6px}
p{margin:6px 0}
a{color:var(--seen)}
code{font:13px/1.45 ui-monospace,monospace;background:var(--card);padding:1px 4px;border-radius:3px}
pre{font:12.5px/1.45 ui-monospace,monospace;background:var(--card);padding:8px;border-radius:6px;overflow-x:auto;white-space:pre-wrap;margin:6px 0}
.dim{color:var(--dim)}
nav{margin:10px 0 0;display:flex;flex-wrap:wrap;gap:4px 14px}
.verdict{display:inline-block;font-weight:700;padding:2px 10px;border-radius:6px;text-transform:uppercase;letter-spacing:.04em}
.pass,.supported,.held,.clear,.caught{background:var(--goodbg);color:var(--good)}
.fail,.refuted,.violation,.missed{background:var(--badbg);color:var(--bad)}
.inconclusive,.open,.blind{background:var(--openbg);color:var(--open)}
.report,.measured{background:var(--toldbg);color:var(--told)}
.seen,.unseen{background:var(--seenbg);color:var(--seen)}
.not{color:var(--dim);background:var(--card)}
.tag{display:inline-block;padding:0 7px;border-radius:4px;font-size:.85em;font-weight:600;white-space:nowrap}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(240px,1fr));gap:10px}
.card{background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:10px 12px}
section>.card{margin-bottom:10px}
.scroll{overflow-x:auto;border:1px solid var(--rule);border-radius:8px}
.scroll:focus-visible{outline:2px solid var(--seen)}
table{border-collapse:collapse;width:100%;font-size:.92em;overflow-wrap:normal}
td code{white-space:nowrap;background:none;padding:0}
td.wide code{white-space:normal}
th,td{text-align:left;padding:5px 8px;border-bottom:1px solid var(--rule);vertical-align:top}
tr:last-child>*{border-bottom:0}
thead th{background:var(--card);white-space:nowrap}
td.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.wide{min-width:260px}
.matrix th[scope=row]{font-weight:400;min-width:220px}
.matrix td{text-align:center;min-width:34px;padding:4px 2px;font-weight:700}
.matrix thead th{text-align:center}
.matrix thead th:first-child{text-align:left}
ul.legend,ul.keys{list-style:none;display:flex;flex-wrap:wrap;gap:4px 14px;margin:8px 0;padding:0;font-size:.88em}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:14px}
figure{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:8px;padding:10px;min-width:0}
figcaption{font-size:.88em}
svg{width:100%;height:auto;display:block}
svg text{fill:var(--dim);font:11px system-ui,sans-serif}
svg .axis{font-size:12px}
.grid,.frame{stroke:var(--rule);fill:none;stroke-width:1}
.line{fill:none;stroke-width:2}.bound{stroke-dasharray:5 4}
.cell{fill:var(--c0)}
.line.c0{stroke:var(--c0)}.line.c1{stroke:var(--c1)}.line.c2{stroke:var(--c2)}.line.c3{stroke:var(--c3)}.line.c4{stroke:var(--c4)}.line.c5{stroke:var(--c5)}
.dot.c0{fill:var(--c0)}.dot.c1{fill:var(--c1)}.dot.c2{fill:var(--c2)}.dot.c3{fill:var(--c3)}.dot.c4{fill:var(--c4)}.dot.c5{fill:var(--c5)}
.key{display:inline-block;width:16px;height:0;border-top:3px solid;margin-right:6px;vertical-align:middle}.key.dots{border-top-style:dotted}.key.bound{border-top-style:dashed}
.key.c0{color:var(--c0)}.key.c1{color:var(--c1)}.key.c2{color:var(--c2)}.key.c3{color:var(--c3)}.key.c4{color:var(--c4)}.key.c5{color:var(--c5)}
details{margin:8px 0}summary{cursor:pointer}
footer{padding:30px 16px;color:var(--dim);font-size:.9em}
@media (max-width:600px){.matrix th[scope=row]{min-width:118px;font-size:.9em}.matrix td{min-width:30px}td.wide{min-width:200px}}
@media print{.scroll{overflow:visible}}
`
