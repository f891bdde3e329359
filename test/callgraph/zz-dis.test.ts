import { test } from "vitest";
import { compareGraphs } from "/tmp/h/Q/packages/lab/src/draw/call-graph.js";
import { agreedCalls, engineCallsFor, passagesOf } from "/tmp/h/Q/test/callgraph/agreement.js";
import { runOnEngine } from "/tmp/h/Q/test/callgraph/engine.js";
import { readRecordings } from "/tmp/h/Q/test/callgraph/recording.js";
import { SCENARIOS } from "/tmp/h/Q/test/callgraph/scenarios.js";
test("x",()=>{
const out:string[]=[];
for (const r of readRecordings()) {
  if (process.env.K && r.kernel!==process.env.K) continue;
  const s=SCENARIOS.find(x=>x.name===r.scenario)!; const e=runOnEngine(s);
  r.steps.forEach((st,i)=>{
    if (JSON.stringify(st.result)!==JSON.stringify(e[i].result)) out.push(`## ${r.scenario} ${r.kernel} step ${i+1} RESULT\n kernel ${st.result.join("\n        ")}\n engine ${e[i].result.join("\n        ")}`);
    const theirs=passagesOf(agreedCalls(st.calls,r.kernel)); const ours=e[i].passages.map(c=>engineCallsFor(c,r.kernel));
    for (let p=0;p<Math.max(theirs.length,ours.length);p++){ const c=compareGraphs(theirs[p]??[],ours[p]??[]); if(!c.equal) { const L=c.lines; const keep=new Set<number>(); L.forEach((l,k)=>{ if(l.kernel===null||l.engine===null){keep.add(k);let d=l.depth;for(let j=k-1;j>=0&&d>0;j--) if(L[j].depth<d){keep.add(j);d=L[j].depth;}}}); out.push(`## ${r.scenario} ${r.kernel} step ${i+1} passage ${p+1}\n`+L.filter((_,k)=>keep.has(k)).map(l=>(l.kernel===null?"+":l.engine===null?"-":"=")+" "+"  ".repeat(l.depth)+(l.kernel??l.engine)).join("\n")); } }
  });
}
require("fs").writeFileSync("/tmp/Q-kernel/dis.txt",out.join("\n")+"\n");
});
