/** The packet view's style sheet: the drawings' own colours, for the page's theme or else the reader's. */
import { FONTS, PALETTE, TONES } from "../../tokens.js";

function variables(theme: "light" | "dark"): string {
  return TONES.map((tone) => `--${tone}:${PALETTE[theme][tone]};`).join("");
}

export const STYLE: string = `
:host{display:block;${variables("light")}color-scheme:light;margin:8px 0;scroll-margin-top:72px}
@media (prefers-color-scheme:dark){:host{${variables("dark")}color-scheme:dark}}
:host([theme=light]){${variables("light")}color-scheme:light}
:host([theme=dark]){${variables("dark")}color-scheme:dark}
*{box-sizing:border-box}
.view{container-type:inline-size;background:var(--paper);color:var(--ink);border:1px solid var(--line);border-radius:10px;font:13px/1.45 ${FONTS.sans};text-align:left;overflow:hidden}
.view:focus-visible{outline-offset:-2px}
:focus-visible{outline:2px solid var(--path);outline-offset:1px}
code,.tree .value,.bytes,.count,.was{font-family:${FONTS.mono};font-size:12px}
code{background:none;color:inherit}
p,dl,dd,ol,h3{margin:0;padding:0}
h3{font-size:12px;font-weight:600;color:var(--muted);margin-bottom:4px}
.facts{font-weight:400}
button{font:inherit;color:var(--ink);background:var(--panel);border:1px solid var(--line);border-radius:6px;cursor:pointer;min-height:32px;padding:3px 10px}
button:hover:not(:disabled){border-color:var(--muted)}
button:disabled{color:var(--faint);cursor:default;opacity:.55}
.message{padding:12px 14px;border:1px solid var(--line);border-radius:10px;background:var(--paper);color:var(--ink);font:13px/1.45 ${FONTS.sans}}
.message[role=alert]{border-color:var(--bad)}

.packets{display:flex;gap:6px;overflow-x:auto;padding:12px 14px 6px;scrollbar-width:thin}
.packets button{flex:0 0 auto;display:grid;grid-template-columns:auto 1fr;column-gap:7px;text-align:left;line-height:1.3;padding:4px 11px 4px 8px}
.packets .number{grid-row:span 2;align-self:center;color:var(--muted);font-size:12px}
.packets .way{color:var(--muted);font-size:11px}
.packets [aria-current]{background:var(--pathSoft);border-color:var(--path);box-shadow:inset 0 0 0 1px var(--path)}
.packets [aria-current] span{color:var(--path)}

.scrub{position:relative;margin:4px 14px 0;height:28px}
.scrub .marks{position:absolute;inset:0 8px;pointer-events:none}
.scrub .marks::before{content:"";position:absolute;inset:12.5px -8px auto;height:3px;border-radius:2px;background:var(--line)}
.scrub .marks span{position:absolute}
.scrub .done{left:-8px;top:12.5px;height:3px;margin-right:-8px;border-radius:2px;background:var(--path)}
.scrub .begin,.scrub .lookup,.scrub .rewrite,.scrub .refused{top:10px;width:8px;height:8px;margin-left:-4px;border-radius:50%}
.scrub .begin{width:2px;height:14px;top:7px;margin-left:-1px;border-radius:0;background:var(--faint)}
.scrub .lookup{background:var(--lookup)}
.scrub .rewrite{background:var(--change);border-radius:1px;transform:rotate(45deg)}
.scrub .refused{background:var(--bad)}
.scrub input{position:absolute;inset:0;width:100%;height:28px;margin:0;background:none;appearance:none;cursor:pointer;border-radius:6px}
.scrub input::-webkit-slider-runnable-track{background:none}
.scrub input::-moz-range-track{background:none}
.scrub input::-webkit-slider-thumb{appearance:none;width:16px;height:16px;border-radius:50%;background:var(--paper);border:4px solid var(--path)}
.scrub input::-moz-range-thumb{width:8px;height:8px;border-radius:50%;background:var(--paper);border:4px solid var(--path)}

.controls{display:flex;flex-wrap:wrap;align-items:center;gap:8px 14px;padding:8px 14px}
.group{display:flex;gap:4px}
.group button{min-width:34px;padding:3px 8px}
.group svg{width:16px;height:16px;display:block;margin:auto;fill:currentColor;stroke:currentColor;stroke-width:1.6;stroke-linejoin:round}
.group .play{background:var(--path);border-color:var(--path);color:var(--paper);min-width:46px}
.jump::before{content:"";display:inline-block;width:8px;height:8px;border-radius:50%;margin-right:6px;background:var(--muted)}
.jump.lookup::before{background:var(--lookup)}
.jump.rewrite::before{background:var(--change);border-radius:1px;transform:rotate(45deg)}
.every{display:flex;align-items:center;gap:6px;cursor:pointer;min-height:32px}
.every input{width:16px;height:16px;margin:0;accent-color:var(--path)}
.where{margin-left:auto;display:flex;flex-wrap:wrap;gap:2px 12px;align-items:baseline}
.count{color:var(--muted)}
.link{color:var(--path)}

.words{padding:10px 14px;min-height:62px;display:flex;align-items:center;border:solid var(--line);border-width:1px 0;background:var(--panel);font-size:15px;line-height:1.4;font-weight:500;overflow-wrap:anywhere;box-shadow:inset 4px 0 0 var(--line)}
.words[data-kind=lookup],.words[data-kind=attach]{background:var(--lookupSoft);box-shadow:inset 4px 0 0 var(--lookup)}
.words[data-kind=rewrite],.words[data-kind=alter-reply]{background:var(--changeSoft);box-shadow:inset 4px 0 0 var(--change)}
.words[data-kind=alloc],.words[data-kind=confirm]{background:var(--goodSoft);box-shadow:inset 4px 0 0 var(--good)}
.words[data-kind=invalid],.words[data-kind=insert-failed],.words[data-bad]{background:var(--badSoft);box-shadow:inset 4px 0 0 var(--bad)}

.columns{display:grid;gap:14px;padding:14px}
.column{display:flex;flex-direction:column;gap:12px;min-width:0}
@container (min-width:700px){.columns{grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:20px}}
.panel{min-width:0}
.none{color:var(--muted)}
.view>.none{padding:0 14px}

.map{display:block;width:100%;max-width:460px;height:auto;font:12px ${FONTS.sans}}
.map text{text-anchor:middle;fill:var(--muted)}
.map .hook text{font-weight:600}
.map .station rect{fill:var(--panel);stroke:var(--line);stroke-width:1.2}
.map [data-state] text{fill:var(--path)}
.map [data-state] rect{stroke:var(--path);fill:var(--pathSoft)}
.map [data-state=here] rect{stroke-width:2.6}
.map [data-state=stopped] rect{stroke:var(--bad);fill:var(--badSoft);stroke-width:2.6}
.map [data-state=stopped] text{fill:var(--bad)}
.leg{fill:none;stroke:var(--line);stroke-width:1.5}
.leg[data-state]{stroke:var(--path);stroke-width:2.5}
.packet rect{fill:var(--paper);stroke:var(--path);stroke-width:1.8}
.packet path{fill:none;stroke:var(--path);stroke-width:1.5}
.packet{transition:transform .3s}
.mark text{fill:var(--paper);font-size:9px;font-weight:700}
.mark.lookup circle{fill:var(--lookup)}
.mark.rewrite circle{fill:var(--change)}

.connection{min-height:150px}
.tuples{display:grid;gap:2px}
.tuples>div{display:grid;grid-template-columns:72px minmax(0,1fr);padding:3px 6px;margin:0 -6px;border-radius:5px}
.tuples dt{font-size:11px;line-height:19px;color:var(--muted);font-weight:600}
.tuples dd{overflow-wrap:anywhere}
.tuples .was{display:block;color:var(--muted);text-decoration:none;font-size:11px}
.tuples .remark{display:inline-block;margin-left:8px;font-size:11px;color:var(--muted)}
.tuples>div:last-child{border-top:1px solid var(--line);border-radius:0}
.tuples [data-lit=lookup]{background:var(--lookupSoft);color:var(--lookup)}
.tuples [data-lit=change]{background:var(--changeSoft);color:var(--change)}
.tuples [data-lit] .was,.tuples [data-lit] .remark{color:inherit}
.nfct{margin-top:6px;padding:3px 6px;margin-left:-6px;margin-right:-6px;border-radius:5px}
.nfct[data-written]{background:var(--lookupSoft);color:var(--lookup)}
.rule{overflow-wrap:anywhere}
.rule[data-matched] .counter{background:var(--goodSoft);color:var(--good);border-radius:4px;padding:1px 3px}

.function{min-height:150px}
.path{list-style:none}
.path li{padding:1px 6px 1px calc(6px + var(--depth)*9px);color:var(--muted);white-space:nowrap;overflow:hidden;text-overflow:ellipsis;border-radius:4px}
.path [aria-current]{background:var(--pathSoft);color:var(--path);font-weight:600}
.module{margin-left:7px;font-size:11px;color:var(--muted);font-weight:400}

.tree{max-height:520px;overflow:auto;border:1px solid var(--line);border-radius:6px;padding:3px}
.layer{font-weight:600;padding:2px 6px;border-radius:4px;cursor:pointer}
.twist{display:inline-block;width:14px;color:var(--muted)}
.twist::before{content:"▸"}
[aria-expanded=true] .twist::before{content:"▾"}
.field{display:grid;grid-template-columns:minmax(96px,38%) minmax(0,1fr);gap:8px;padding:1px 6px 1px 20px;border-radius:4px;cursor:pointer}
.name{color:var(--muted);overflow-wrap:anywhere}
.value{overflow-wrap:anywhere}
.was{color:var(--muted);margin-left:8px;font-size:11px}
.field[data-changed] .value{background:var(--changeSoft);color:var(--change);border-radius:3px;padding:0 3px;margin-left:-3px}
.field[data-written] .value{background:var(--change);color:var(--paper)}
.bytes{max-height:250px;overflow:auto;border:1px solid var(--line);border-radius:6px;padding:4px 6px;line-height:1.5}
.bytes .row{display:flex;gap:10px;white-space:nowrap}
.offset{color:var(--faint)}
.cells{display:flex}
.cells span{padding:0 3px;border-radius:3px;cursor:pointer}
.readable{color:var(--muted);letter-spacing:.5px}
.cells [data-changed]{background:var(--changeSoft);color:var(--change)}
.cells [data-written]{background:var(--change);color:var(--paper)}
.layer[data-lit],.field[data-lit],.cells [data-lit]{box-shadow:inset 0 0 0 1.5px var(--path)}
.layer[data-lit],.field[data-lit],.cells [data-lit]:not([data-changed]):not([data-written]){background:var(--pathSoft)}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:11px;color:var(--muted)}
.swatch::before{content:"";display:inline-block;width:11px;height:11px;margin-right:6px;border-radius:3px;vertical-align:-1px;background:var(--changeSoft);border:1px solid var(--change)}
.swatch.written::before{background:var(--change)}

.keys{border-top:1px solid var(--line);padding:7px 14px;color:var(--muted)}
.keys summary{cursor:pointer;width:max-content;min-height:24px}
.keys dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:3px 18px;padding:6px 0}
.keys dl>div{display:flex;gap:8px}
.keys dt{flex:0 0 92px;font-family:${FONTS.mono};font-size:12px;color:var(--ink)}
@media (prefers-reduced-motion:reduce){*{transition:none!important}}
@media (pointer:coarse){button,.every{min-height:40px}.group button{min-width:40px}}
@media print{.controls,.scrub,.keys{display:none}}
`;
