/** Reads what the kernel's function-graph tracer prints (options funcgraph-proc alone) as graphs of calls. */
import type { GraphCall } from "../../packages/lab/src/draw/call-graph.js";

interface Open extends GraphCall {
  readonly children: Open[];
}

/**
 * The calls in a trace: those of each task nest by themselves, since the tasks take turns in the text. Tasks come in
 * the order in which they first call something.
 */
export function readTrace(text: string): GraphCall[] {
  const tasks = new Map<string, { roots: Open[]; stack: Open[] }>();
  for (const line of text.split("\n")) {
    const match = /^\s*(\S.*?-\d+)\s+\|\s+(.*)$/.exec(line);
    if (match === null) continue;
    const [, task, code] = match;
    let state = tasks.get(task);
    if (state === undefined) {
      state = { roots: [], stack: [] };
      tasks.set(task, state);
    }
    if (code.startsWith("}")) {
      if (state.stack.pop() === undefined) throw new Error(`the trace begins inside of a call: ${line}`);
      continue;
    }
    const call = /^([\w.]+)(?: \[(\w+)\])?\(\)(;| \{)/.exec(code);
    if (call === null) throw new Error(`the tracer says ${JSON.stringify(line)}`);
    const open: Open = { fn: call[1], module: call[2] ?? null, children: [] };
    (state.stack.at(-1)?.children ?? state.roots).push(open);
    if (call[3] === " {") state.stack.push(open);
  }
  return [...tasks.values()].flatMap(({ roots, stack }) => {
    if (stack.length > 0) throw new Error(`the trace ends inside of ${stack.map(({ fn }) => fn).join(", ")}`);
    return roots;
  });
}
