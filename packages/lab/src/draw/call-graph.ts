/**
 * The calls a packet caused, as the kernel's function-graph tracer prints them, with what was learned beside each call;
 * and the comparison of such a graph with a recording of the real kernel.
 */
import { isCall, type TraceCall, type TraceNote } from "@netfilter-lab/engine";
import { Drawing } from "./drawing.js";
import { escapeHtml, htmlPre, htmlTable, mark, textCell, type Wash } from "./html.js";
import { mermaidText } from "./mermaid.js";
import { type PassageData, tupleChange, tupleLine } from "./passage.js";
import { wrapPlain } from "./terminal.js";

/** A function call without notes: what a recording holds. */
export interface GraphCall {
  /** The kernel's function. */
  readonly fn: string;
  /** Its module; null for the core image. */
  readonly module: string | null;
  /** What it called, in order. */
  readonly children: readonly GraphCall[];
}

/** A line of the graph: a call (as opened, closed or alone) with the notes taken in it. */
interface GraphLine {
  readonly depth: number;
  readonly code: string;
  readonly notes: readonly TraceNote[];
}

// --- One packet ----------------------------------------------------------------------------------------------------

/** The calls of one passage. */
export function drawCallGraph(passage: PassageData): Drawing {
  const title = `Calls for packet ${passage.serial} on ${passage.host}`;
  return new Drawing({
    text: () => graphLines(passage.calls, 0).map(textLine).join("\n"),
    html: () => htmlPre(title, graphLines(passage.calls, 0).map(htmlLine)),
    mermaid: () => mermaidTree(passage.calls),
  });
}

function name(call: GraphCall | TraceCall): string {
  return call.module === null ? call.fn : `${call.fn} [${call.module}]`;
}

/** A graph as text, without notes: what {@link parseFunctionGraph} reads. */
export function functionGraphText(calls: readonly GraphCall[], depth = 0): string {
  return calls
    .map((call) => {
      const indent = "  ".repeat(depth);
      if (call.children.length === 0) return `${indent}${name(call)}();\n`;
      return `${indent}${name(call)}() {\n${functionGraphText(call.children, depth + 1)}${indent}}\n`;
    })
    .join("");
}

function graphLines(calls: readonly TraceCall[], depth: number): GraphLine[] {
  return calls.flatMap((call) => {
    const inner = call.children.filter(isCall);
    const notes = call.children.filter((item): item is TraceNote => !isCall(item) && noteText(item) !== null);
    if (inner.length === 0) return [{ depth, code: `${name(call)}();`, notes }];
    return [
      { depth, code: `${name(call)}() {`, notes },
      ...graphLines(inner, depth + 1),
      { depth, code: "}", notes: [] },
    ];
  });
}

/** A note beside a call; null for those that only say where the call is. */
function noteText(note: TraceNote): string | null {
  switch (note.kind) {
    case "hook":
      return ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"][note.hook];
    case "hookfn":
      return note.priority === 0x7fffffff ? "priority INT_MAX" : `priority ${note.priority}`;
    case "verdict":
      return note.verdict === "ACCEPT" ? null : note.verdict;
    case "lookup":
      return note.found === null
        ? `lookup ${tupleLine(note.tuple)}: no entry`
        : `lookup ${tupleLine(note.tuple)}: ${note.found} tuple of entry ${note.entry}`;
    case "attach":
      return `entry ${note.entry} ${note.already ? "is attached already" : "attached"}, ${note.ctinfo}`;
    case "alloc":
      return `new entry ${note.entry}`;
    case "alter-reply":
      return `reply tuple ${tupleChange(note.before, note.after)}`;
    case "rewrite":
      return `packet ${tupleChange(note.before, note.after)}`;
    case "confirm":
      return "both tuples into the hash";
    case "state":
      return `${note.before} → ${note.after}`;
    case "insert-failed":
      return `insert_failed: ${note.reason}`;
    case "invalid":
      return `INVALID: ${note.reason}`;
    case "event":
      return `event ${note.type}`;
    case "rule":
      return note.matched ? `${note.table} ${note.chain} rule ${note.number}` : null;
    case "policy":
      return `${note.table} ${note.chain} policy ${note.verdict}`;
    case "route":
      return note.result;
    case "end":
      return note.reason;
    case "transmit":
      return `by ${note.device}`;
    case "bytes":
      // Which bytes is the packet view's to show; the notes around say why.
      return null;
  }
}

const NOTE_WASH: Readonly<Partial<Record<TraceNote["kind"], Wash>>> = {
  lookup: "lookup",
  attach: "lookup",
  "alter-reply": "change",
  rewrite: "change",
  alloc: "good",
  confirm: "good",
  invalid: "bad",
  verdict: "bad",
  end: "bad",
};

/** Column at which notes begin, where the code leaves room for it. */
const NOTE_COLUMN = 52;

function textLine(line: GraphLine): string {
  const code = `${"  ".repeat(line.depth)}${line.code}`;
  if (line.notes.length === 0) return code;
  const notes = line.notes.map((note) => noteText(note) as string);
  const whole = `${code.padEnd(NOTE_COLUMN)} /* ${notes.join("; ")} */`;
  if (whole.length <= 100) return whole;
  // Too long for one line: each note on a line of its own below the call.
  const indent = "  ".repeat(line.depth + 1);
  return [code, ...notes.flatMap((note) => comment(note, indent))].join("\n");
}

function comment(note: string, indent: string): string[] {
  const parts = wrapPlain(note, 94 - indent.length);
  return parts.map((part, i) => `${indent}${i === 0 ? "/* " : "   "}${part}${i === parts.length - 1 ? " */" : ""}`);
}

function htmlLine(line: GraphLine): string {
  const code = `${"  ".repeat(line.depth)}${line.code}`;
  const notes = line.notes.map((note) => {
    const text = noteText(note) as string;
    const wash = NOTE_WASH[note.kind];
    return wash === undefined ? escapeHtml(text) : mark(text, wash);
  });
  return notes.length === 0 ? escapeHtml(code) : `${escapeHtml(code.padEnd(NOTE_COLUMN))}  ${notes.join("; ")}`;
}

function mermaidTree(calls: readonly TraceCall[]): string {
  const lines = ["flowchart LR"];
  let count = 0;
  const visit = (call: TraceCall, parent: string | null): void => {
    const id = `c${++count}`;
    const notes = call.children
      .flatMap((item) => (isCall(item) ? [] : [noteText(item)]))
      .filter((note) => note !== null);
    lines.push(`  ${id}["${[call.fn, ...notes].map(mermaidText).join("<br/>")}"]`);
    if (parent !== null) lines.push(`  ${parent} --> ${id}`);
    for (const item of call.children) if (isCall(item)) visit(item, id);
  };
  for (const call of calls) visit(call, null);
  return `${lines.join("\n")}\n`;
}

// --- A recording -----------------------------------------------------------------------------------------------------

/** An error in a recording's text, with its line. */
export class RecordingError extends Error {
  override readonly name = "RecordingError";
}

/**
 * Reads the text of a function graph: `name [module]() {`, `name [module]();` and `}`, one a line; comments and blank
 * lines are skipped. A recording may begin and end in the middle of a call: a closing brace too many ends nothing, and
 * calls still open end with the text. Throws {@link RecordingError} for a line of another form.
 */
export function parseFunctionGraph(text: string): GraphCall[] {
  interface Open {
    readonly fn: string;
    readonly module: string | null;
    readonly children: Open[];
  }
  const roots: Open[] = [];
  const stack: Open[] = [];
  text.split("\n").forEach((raw, i) => {
    const line = raw.replace(/\/\*.*?\*\//g, "").trim();
    if (line === "" || line.startsWith("#")) return;
    if (line === "}") {
      stack.pop();
      return;
    }
    const match = /^([\w.]+)(?: \[(\w+)\])?\(\)(;| \{)$/.exec(line);
    if (match === null) throw new RecordingError(`line ${i + 1} is no function call: ${JSON.stringify(raw)}`);
    const call: Open = { fn: match[1], module: match[2] ?? null, children: [] };
    (stack.at(-1)?.children ?? roots).push(call);
    if (match[3] === " {") stack.push(call);
  });
  return roots;
}

/**
 * The subtrees of the packets that a tracking host forwarded or received: each `ip_rcv` whose PREROUTING ran conntrack.
 * What other hosts' receive paths did inside of it (their softirqs run nested) is left out. In the question's recording
 * this is the gateway, because only it tracks.
 */
export function trackedReceptions(calls: readonly GraphCall[]): GraphCall[] {
  const found: GraphCall[] = [];
  const visit = (call: GraphCall): void => {
    if (call.fn === "ip_rcv" && call.children.some((child) => child.fn === "nf_hook_slow" && runsConntrack(child)))
      found.push(withoutReceptions(call));
    for (const child of call.children) visit(child);
  };
  for (const call of calls) visit(call);
  return found;
}

function runsConntrack(call: GraphCall): boolean {
  return call.children.some((child) => child.fn === "ipv4_conntrack_in");
}

function withoutReceptions(call: GraphCall): GraphCall {
  return { ...call, children: call.children.filter(({ fn }) => fn !== "ip_rcv").map(withoutReceptions) };
}

/** The calls of a trace without their notes. */
export function callsOnly(calls: readonly TraceCall[]): GraphCall[] {
  return calls.map(({ fn, module, children }) => ({ fn, module, children: callsOnly(children.filter(isCall)) }));
}

/** How often a function stands in a graph: `__nf_conntrack_find_get` counts the lookups. */
export function countCalls(calls: readonly GraphCall[], fn: string): number {
  return calls.reduce(
    (sum, call) => sum + (withoutCompilerSuffix(call.fn) === fn ? 1 : 0) + countCalls(call.children, fn),
    0,
  );
}

// --- Comparison ------------------------------------------------------------------------------------------------------

/** One line of a comparison. */
export interface ComparedCall {
  /** How deep the call is nested; 0 for an outermost one. */
  readonly depth: number;
  /** The call in the recording; null where only the engine made it. */
  readonly kernel: string | null;
  /** The call in the engine's graph; null where only the kernel made it. */
  readonly engine: string | null;
}

/** Two graphs side by side. */
export class GraphComparison extends Drawing {
  readonly #lines: readonly ComparedCall[];

  constructor(lines: readonly ComparedCall[]) {
    super({
      text: () => comparisonText(lines),
      html: () => comparisonHtml(lines),
      mermaid: () => comparisonMermaid(lines),
    });
    this.#lines = lines;
  }

  /** The calls of both graphs, those that are the same on one line. */
  get lines(): readonly ComparedCall[] {
    return this.#lines;
  }

  /** Whether both graphs are the same. */
  get equal(): boolean {
    return this.lines.every(({ kernel, engine }) => kernel !== null && engine !== null);
  }
}

/**
 * A function's name without the compiler's suffixes (`.isra.0`, `.constprop.0`, `.part.0`), which say how it was built
 * and not which it is.
 */
export function withoutCompilerSuffix(fn: string): string {
  return fn.replace(/(\.(isra|constprop|part)(\.\d+)?)+$/, "");
}

/** Compares a kernel's graph with the engine's, call by call in order. Names are compared without compiler suffixes. */
export function compareGraphs(kernel: readonly GraphCall[], engine: readonly GraphCall[]): GraphComparison {
  return new GraphComparison(align(kernel, engine, 0));
}

function align(kernel: readonly GraphCall[], engine: readonly GraphCall[], depth: number): ComparedCall[] {
  const same = (a: GraphCall, b: GraphCall): boolean =>
    withoutCompilerSuffix(a.fn) === withoutCompilerSuffix(b.fn) && a.module === b.module;
  // Longest common subsequence of the calls of this level; matched calls are compared inside.
  const best = Array.from({ length: kernel.length + 1 }, () => Array.from({ length: engine.length + 1 }, () => 0));
  for (let i = kernel.length - 1; i >= 0; i--)
    for (let j = engine.length - 1; j >= 0; j--)
      best[i][j] = same(kernel[i], engine[j]) ? best[i + 1][j + 1] + 1 : Math.max(best[i + 1][j], best[i][j + 1]);
  const lines: ComparedCall[] = [];
  let i = 0;
  let j = 0;
  while (i < kernel.length || j < engine.length) {
    if (i < kernel.length && j < engine.length && same(kernel[i], engine[j])) {
      lines.push({ depth, kernel: name(kernel[i]), engine: name(engine[j]) });
      lines.push(...align(kernel[i].children, engine[j].children, depth + 1));
      i++;
      j++;
    } else if (j === engine.length || (i < kernel.length && best[i + 1][j] >= best[i][j + 1])) {
      lines.push(...onlyIn("kernel", kernel[i], depth));
      i++;
    } else {
      lines.push(...onlyIn("engine", engine[j], depth));
      j++;
    }
  }
  return lines;
}

function onlyIn(side: "kernel" | "engine", call: GraphCall, depth: number): ComparedCall[] {
  const line = side === "kernel" ? { kernel: name(call), engine: null } : { kernel: null, engine: name(call) };
  return [{ depth, ...line }, ...call.children.flatMap((child) => onlyIn(side, child, depth + 1))];
}

function judgement(lines: readonly ComparedCall[]): string {
  const both = lines.filter(({ kernel, engine }) => kernel !== null && engine !== null).length;
  const kernel = lines.filter(({ engine }) => engine === null).length;
  const engine = lines.filter(({ kernel }) => kernel === null).length;
  if (kernel + engine === 0) return `${both} calls, all equal`;
  return `${both} calls equal, ${kernel} only in the kernel, ${engine} only in the engine`;
}

function comparisonText(lines: readonly ComparedCall[]): string {
  const rows = lines.map(({ depth, kernel, engine }) => {
    const sign = kernel === null ? "+" : engine === null ? "-" : "=";
    return `${sign} ${"  ".repeat(depth)}${kernel ?? engine}`;
  });
  const legend = "= both   - only the kernel   + only the engine";
  return [judgement(lines), legend, "", ...rows].join("\n");
}

function comparisonHtml(lines: readonly ComparedCall[]): string {
  const cell = (depth: number, text: string | null, alone: boolean): { html: string; mono: boolean } => {
    const indent = "&nbsp;&nbsp;".repeat(depth);
    return { html: text === null ? "" : indent + (alone ? mark(text, "bad") : escapeHtml(text)), mono: true };
  };
  const rows = lines.map(({ depth, kernel, engine }) => [
    cell(depth, kernel, engine === null),
    kernel === null || engine === null ? { html: mark("≠", "bad") } : textCell("="),
    cell(depth, engine, kernel === null),
  ]);
  return htmlTable(`Call graphs: ${judgement(lines)}`, ["Linux, recorded", "", "engine"], rows);
}

function comparisonMermaid(lines: readonly ComparedCall[]): string {
  const out = ["flowchart LR"];
  const parents: string[] = [];
  const alone: string[] = [];
  lines.forEach(({ depth, kernel, engine }, i) => {
    const id = `c${i + 1}`;
    const where = kernel === null ? " (engine only)" : engine === null ? " (kernel only)" : "";
    out.push(`  ${id}["${mermaidText(`${kernel ?? engine}${where}`)}"]`);
    if (depth > 0) out.push(`  ${parents[depth - 1]} --> ${id}`);
    parents[depth] = id;
    if (where !== "") alone.push(id);
  });
  if (alone.length > 0) out.push("  classDef alone stroke-width:3px", `  class ${alone.join(",")} alone`);
  return `${out.join("\n")}\n`;
}
