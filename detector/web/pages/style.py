"""How the pages look beside what they share with reports."""

from detector.markup.style import STYLE

_PAGES = """
:root{--link:#17598a;--focus:#0b57d0}
@media (prefers-color-scheme:dark){:root{--link:#8cc4ee;--focus:#a8c7fa}}
a{color:var(--link);text-underline-offset:.15em}
a:hover{text-decoration-thickness:2px}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px;border-radius:3px}
main:focus{outline:none}
.skip{position:absolute;left:.5rem;top:-4rem;background:var(--card);padding:.5rem .9rem;z-index:1}
.skip:focus{top:.5rem}
.top{display:flex;flex-wrap:wrap;gap:.3rem 1.6rem;align-items:baseline;padding-top:1rem;padding-bottom:.6rem}
.top nav{display:flex;gap:1.2rem}
.top a{text-decoration:none;padding:.25rem 0;border-bottom:2px solid transparent}
.top a[aria-current]{color:var(--ink);border-bottom-color:var(--ink);font-weight:600}
main{padding-top:.8rem}
h1{font-size:1.45rem;font-weight:650;text-wrap:balance}
h1.sentence{font-size:1.3rem;line-height:1.35;font-weight:600}
h2{margin-top:2.2rem}
.lead{font-size:1.02rem;margin:.35rem 0}
.state{display:flex;flex-wrap:wrap;gap:.2rem .9rem;align-items:baseline;margin:0 0 .5rem;color:var(--soft)}
.badge{white-space:nowrap}
.badge.ticket{color:var(--ticket)}.badge.board{color:var(--soft)}
.hot{fill:var(--page)}
.plot .band{fill:var(--page);opacity:.45}.key .band{fill:var(--page);opacity:.45}
.figures dd{font-size:1.3rem}figure{margin:1rem 0 0}
.figures div.loud{border-color:var(--page);border-width:2px}
.flag h3{font-weight:600}
.flag h3 b small{font-weight:400;font-size:.85rem;color:var(--soft)}
.flag .say{font-size:1.02rem}
.lines{list-style:none;margin:.5rem 0;padding:0;background:var(--card);border:1px solid var(--line);border-radius:8px}
.lines li{display:grid;grid-template-columns:6.2rem 1fr auto;gap:.1rem .8rem;padding:.5rem .9rem;
border-top:1px solid var(--line);align-items:baseline}
.lines li:first-child{border-top:0}
.lines .badge{font-size:.82rem}
.lines .much{text-align:right;white-space:nowrap;font-weight:600}
.lines .beside{grid-column:2/-1;color:var(--soft);font-size:.85rem}
.teams{width:100%;border-collapse:collapse}
.teams td,.teams th{vertical-align:middle}
.teams td.name{width:26%}
.teams td.wide{width:44%}
.teams .n{font-weight:600}
.teams .n.soft{font-weight:400}
.tasks{width:100%;border-collapse:collapse}
.tasks td:first-child{min-width:13rem;max-width:24rem;overflow-wrap:anywhere}
.tasks .n{white-space:nowrap;padding-right:1.2rem}
.tasks .of{display:block;color:var(--soft);font-size:.85rem}
.missing{border-left-color:var(--ticket)}
.onward{display:flex;flex-wrap:wrap;gap:.5rem;list-style:none;margin:1rem 0 .3rem;padding:0}
.onward a,button{display:inline-block;background:var(--card);border:1px solid var(--soft);border-radius:6px;
padding:.4rem .85rem;text-decoration:none;font:inherit;color:var(--link);min-height:2.3rem;cursor:pointer}
.onward a:hover,button:hover{border-color:var(--link);background:var(--track)}
dl.pairs{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,15rem),1fr));
gap:.3rem 1.4rem;margin:.2rem 0}
dl.pairs div{display:flex;gap:.6rem;justify-content:space-between;border-top:1px solid var(--line);padding:.25rem 0}
dl.pairs dt{flex:none;max-width:60%}dl.pairs dd{margin:0;text-align:right;min-width:0}
dl.pairs ul{list-style:none;margin:0;padding:0}
.scroll table{overflow-wrap:break-word}
.nested{margin:.9rem 0 0}
.nested h3{margin:.6rem 0 .2rem}
.ids{font-size:.85rem;margin:.3rem 0;padding-left:1.2rem;columns:16rem}
.rounds{width:auto;border-collapse:separate;border-spacing:4px;margin:.2rem 0}
.rounds th{padding:0 .5rem 0 0;white-space:nowrap;vertical-align:middle}
.rounds td{border:0;padding:0;width:13rem;min-width:11.6rem;vertical-align:top}
.row{display:flex;flex-wrap:wrap;gap:4px;list-style:none;margin:.2rem 0;padding:0}
.row li{flex:0 1 13rem;min-width:11.6rem}
.step{--tint:var(--rest);border-left:5px solid var(--tint);background:color-mix(in srgb,var(--tint) 20%,var(--card));
border-radius:4px;padding:.25rem .5rem;font-size:.82rem;line-height:1.35;height:100%}
.step b{margin-right:.35rem}.step .usd{float:right;margin-left:.4rem}
.step code{font-size:.76rem;color:var(--ink);display:block}
.step .failed{color:var(--page);font-weight:600}
.a0{--tint:var(--s1)}.a1{--tint:var(--s4)}.a2{--tint:var(--s2)}.a3{--tint:var(--s3)}.a4{--tint:var(--s0)}
.a5{--tint:var(--s5)}
.unknown{fill:var(--track)}
.lane{font-size:11px}
.marked{fill:var(--page)}.marked.ticket{fill:var(--ticket)}.marked.board{fill:var(--soft)}
line.marked{stroke:var(--page);stroke-width:1;stroke-dasharray:2 3}
line.marked.ticket{stroke:var(--ticket)}line.marked.board{stroke:var(--soft)}
.moved{fill:var(--s2)}.moved.medium{fill:var(--card);stroke:var(--s2);stroke-width:1.6}
line.moved{stroke:var(--s2);stroke-width:1.5}
.ended{fill:var(--card);stroke:var(--soft);stroke-width:1.8}
.new{fill:var(--card);stroke:var(--s2);stroke-width:1.8}
.key svg.shape{width:14px;height:12px;overflow:visible}
form.filter{display:flex;flex-wrap:wrap;gap:.7rem 1rem;align-items:end;margin:1rem 0}
form.filter label{display:block;font-size:.82rem;color:var(--soft)}
form.filter select{display:block;font:inherit;color:var(--ink);background:var(--card);border:1px solid var(--soft);
border-radius:6px;padding:.35rem .5rem;min-height:2.3rem;max-width:14rem}
.empty{background:var(--card);border:1px dashed var(--soft);border-radius:8px;padding:1rem 1.1rem;color:var(--soft)}
@media (max-width:40rem){.lines li{grid-template-columns:1fr auto;padding:.6rem .7rem}
.lines li>a,.lines li>bdi{grid-column:1/-1;grid-row:2}.lines .beside{grid-column:1/-1}
.teams,.teams tbody,.teams caption{display:block}.teams thead{display:none}
.teams tr{display:grid;grid-template-columns:1fr auto auto;gap:0 .8rem;border-top:1px solid var(--line);padding:.4rem 0}
.teams td,.teams td.name,.teams td.wide{width:auto;border:0;padding:0}
.teams td.wide{grid-column:1/-1;grid-row:2}
.tasks,.tasks tbody,.tasks caption{display:block}.tasks thead{display:none}
.tasks tr{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:.1rem .8rem;border-top:1px solid var(--line);
padding:.5rem 0}
.tasks td,.tasks td.n,.tasks td:first-child{border:0;padding:0;max-width:none;min-width:0;text-align:left;
white-space:normal}
.tasks td:first-child{grid-column:1/-1}
.tasks td[data-label]::before{content:attr(data-label) " ";color:var(--soft);font-weight:400;font-size:.85rem}
.rounds{border-spacing:3px}.rounds td{width:auto;min-width:4.4rem}
.rounds .step b{display:block}
.rounds th{padding:0;font-size:.72rem}
.row li{flex-basis:5.2rem;min-width:5.2rem}.step .usd,.step code{display:none}.step{padding:.2rem .3rem}
h1.sentence{font-size:1.12rem}svg.plot{margin-left:2.6rem;width:calc(100% - 2.6rem)}
form.filter select{max-width:100%}form.filter div{flex:1 1 8rem}form.filter select{width:100%}}
"""
SHEET = STYLE + _PAGES
"""What /pages.css holds."""
