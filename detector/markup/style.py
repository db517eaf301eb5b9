"""How the page looks, on light and dark screens, narrow ones and paper."""

STYLE = """
:root{color-scheme:light dark;--paper:#fbfaf8;--card:#fff;--ink:#1c2126;--soft:#59626b;--line:#dcdfe2;--track:#eceef0;
--page:#b3261e;--ticket:#8a5a00;--band:#f8e0dd;--dim:#f7ead2;
--s0:#16324f;--s1:#1d6996;--s2:#2f8f83;--s3:#7fb069;--s4:#e6aa4b;--s5:#f2d398;--rest:#c9ced3}
@media (prefers-color-scheme:dark){:root{--paper:#14181c;--card:#1c2126;--ink:#e7eaec;--soft:#a3adb6;--line:#353c43;
--track:#2a3037;--page:#ff8a80;--ticket:#ffc766;--band:#4a2b2a;--dim:#3f351f;
--s0:#7db4e6;--s1:#3f83bd;--s2:#43b5a0;--s3:#8cc56d;--s4:#e6aa4b;--s5:#f3e0b5;--rest:#58626b}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif;
font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
main,header,footer{max-width:68rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2rem}
h1{font-size:1.7rem;line-height:1.2;margin:0;letter-spacing:-.01em}
h2{font-size:1.12rem;margin:2.4rem 0 .3rem}
h3{font-size:.95rem;margin:0 0 .5rem}
p{margin:.2rem 0}
.soft,.note,footer,dt,caption{color:var(--soft)}
.note,footer{font-size:.87rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.7rem;
margin:1.4rem 0 .6rem;padding:0}
.figures div{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.7rem .9rem}
.figures dt{font-size:.82rem}
.figures dd{margin:0;font-size:1.45rem;font-weight:650;line-height:1.25}
.figures dd.small{font-size:1rem;padding-top:.3rem}
.figures dd.beside{font-size:.82rem;font-weight:400;line-height:1.5;color:var(--soft);margin:.2rem 0}
.missing{border-left:4px solid var(--ticket);background:var(--card);
padding:.6rem 1rem;margin:1rem 0;border-radius:0 6px 6px 0}
.missing ul{margin:.2rem 0;padding-left:1.1rem}
.card,.flag{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:1rem 1.1rem;margin:.6rem 0}
.pairs{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,25rem),1fr));gap:.8rem}
.pairs .card{margin:0}
svg{display:block;overflow:visible}
svg.plot{margin-left:3.1rem;width:calc(100% - 3.1rem)}
svg text{fill:var(--soft);font-size:12px}
.s0{fill:var(--s0)}.s1{fill:var(--s1)}.s2{fill:var(--s2)}
.s3{fill:var(--s3)}.s4{fill:var(--s4)}.s5{fill:var(--s5)}
.rest{fill:var(--rest)}
.grid{stroke:var(--line);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}
.what{paint-order:stroke;stroke:var(--card);stroke-width:3px;stroke-linejoin:round}
.over{fill:transparent}.over:hover{fill:var(--ink);fill-opacity:.12}
path.mark.page{fill:var(--page)}path.mark.ticket{fill:var(--card);stroke:var(--ticket);stroke-width:1.6}
line.mark{stroke-width:1;stroke-dasharray:2 3;opacity:.75}
line.mark.page{stroke:var(--page)}line.mark.ticket{stroke:none}
.stream{opacity:.8}.stream:hover{opacity:1}
.gap{stroke:var(--card);stroke-width:2}
.band{fill:var(--band)}.edge{stroke:var(--page);stroke-width:1.5;stroke-dasharray:4 2}
svg .what{fill:var(--page);font-weight:600}
.ticket .band,.board .band{fill:var(--dim)}
.board .edge{stroke:var(--soft)}.board svg .what{fill:var(--soft)}
.ticket .edge{stroke:var(--ticket)}.ticket svg .what{fill:var(--ticket)}
.bar{background:var(--track);border-radius:2px}
.key{display:flex;flex-wrap:wrap;gap:.25rem 1.2rem;list-style:none;margin:.7rem 0 0;padding:0;font-size:.9rem}
.key svg{display:inline-block;width:12px;height:12px;margin-right:.4rem;vertical-align:-1px}
.key b{font-weight:600}
table{width:100%;border-collapse:collapse;font-size:.9rem}
caption{text-align:left;font-size:.87rem;padding-bottom:.3rem}
th{font-weight:500;text-align:left;font-size:.8rem;color:var(--soft);padding:0 .6rem .15rem 0}
td{padding:.2rem .6rem .2rem 0;border-top:1px solid var(--line);vertical-align:middle}
td.name{width:46%}td.n,th.n{text-align:right;white-space:nowrap}td.n:last-child,th.n:last-child{padding-right:0}
td.shape{width:24%;min-width:3rem}
.came{font-size:.8rem;color:var(--soft);display:block}
.flag{border-left:5px solid var(--page)}.flag.ticket{border-left-color:var(--ticket)}
.flag.board{border-left-color:var(--soft)}
.flag h3{display:flex;flex-wrap:wrap;gap:.2rem .8rem;align-items:baseline}
.flag h3 b{margin-left:auto;font-size:1.15rem}
.badge{color:var(--page);font-weight:700}.ticket .badge{color:var(--ticket)}.board .badge{color:var(--soft)}
.flag figure{margin:.9rem 0 0}figcaption{font-size:.82rem;color:var(--soft);margin-top:.3rem}
.flag dl{display:flex;flex-wrap:wrap;gap:.15rem 1.4rem;margin:.5rem 0 0;font-size:.88rem}
.flag dl div{display:flex;gap:.4rem}.flag dd{margin:0}.flag dt{flex:none}
details{margin:.6rem 0}summary{cursor:pointer;color:var(--soft);font-size:.87rem}
footer{padding-top:1.2rem;padding-bottom:2.5rem;margin-top:2.4rem}
footer dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:.4rem 0}
footer dt{font-weight:600}footer dd{margin:0}
.scroll{overflow-x:auto}
@media (max-width:40rem){.odd{display:none}h1{font-size:1.35rem}
main,header,footer{padding-left:.9rem;padding-right:.9rem}
.figures{grid-template-columns:repeat(2,1fr);gap:.5rem}.figures dd{font-size:1.2rem}footer dl{display:block}
footer dd{margin-bottom:.5rem}.card,.flag{padding:.8rem}td.shape,th.shape{display:none}}
@media print{:root{color-scheme:light}body{background:#fff;font-size:11px}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.card,.flag,.figures div,tr{break-inside:avoid}h2{break-after:avoid}main,header,footer{max-width:none;padding:0}
details{display:none}}
"""
