/**
 * Which functions the engine's trace and the kernel's are compared over, read from agreement.json, which the site shows
 * as well; and how a graph is reduced to them. What is left out has its reason there; what differs between kernels is a
 * row of a table there, and no case in this code.
 */
import { type GraphCall, withoutCompilerSuffix } from "../../packages/lab/src/draw/call-graph.js";
import agreement from "./agreement.json" with { type: "json" };

/** Functions by the module they live in; `vmlinux` is the core image. */
export type FunctionsByModule = Readonly<Record<string, readonly string[]>>;

/** The document. */
export interface Agreement {
  readonly scenarios: readonly { readonly name: string; readonly shows: string }[];
  /** Functions that both sides must call in the same order, nested in the same way. */
  readonly agreed: FunctionsByModule;
  /** Functions that recordings show and the comparison passes over. */
  readonly leftOut: readonly {
    readonly reason: string;
    /** With everything they call; else what they call counts as called by their caller. */
    readonly whole: boolean;
    readonly functions: FunctionsByModule;
  }[];
  /** What certain kernels have otherwise. */
  readonly differences: readonly Difference[];
}

/** A row of the table of kernels. */
export interface Difference {
  readonly kernels: readonly string[];
  readonly module: string;
  /** The agreed function, as the engine calls it; null: none, and the kernel's own is passed over. */
  readonly agreed: string | null;
  /** Only below this one of its callers. */
  readonly within?: string;
  /** What stands in those kernels' recordings in its place; null: nothing, what it calls is called by its caller. */
  readonly recorded: string | null;
  readonly why: string;
}

export const AGREEMENT: Agreement = agreement;

/** A function with its module, as tables spell it: `nf_conntrack nf_confirm`. */
export function qualified(module: string | null, fn: string): string {
  return `${module ?? "vmlinux"} ${withoutCompilerSuffix(fn)}`;
}

function names(functions: FunctionsByModule): string[] {
  return Object.entries(functions).flatMap(([module, list]) => list.map((fn) => qualified(module, fn)));
}

export const AGREED: ReadonlySet<string> = new Set(names(AGREEMENT.agreed));
export const LEFT_OUT: ReadonlySet<string> = new Set(AGREEMENT.leftOut.flatMap(({ functions }) => names(functions)));
const LEFT_OUT_WHOLE: ReadonlySet<string> = new Set(
  AGREEMENT.leftOut.flatMap(({ whole, functions }) => (whole ? names(functions) : [])),
);

/** A recorded graph as the agreed functions alone. Throws for a function that nobody has thought of. */
export function agreedCalls(
  calls: readonly GraphCall[],
  kernel: string,
  differences: readonly Difference[] = AGREEMENT.differences,
): GraphCall[] {
  const rows = differences.filter(({ kernels }) => kernels.includes(kernel));
  const passedOver = new Set<string>(LEFT_OUT);
  const own = new Set<string>();
  for (const { module, agreed, recorded } of rows)
    if (recorded !== null) (agreed === null ? passedOver : own).add(qualified(module, recorded));
  const reduce = (list: readonly GraphCall[]): GraphCall[] =>
    list.flatMap((call) => {
      const name = qualified(call.module, call.fn);
      if (LEFT_OUT_WHOLE.has(name)) return [];
      const children = reduce(call.children);
      if (passedOver.has(name)) return children;
      if (AGREED.has(name) || own.has(name)) return [{ ...call, children }];
      throw new Error(`Linux ${kernel} calls ${name}, which agreement.json neither agrees on nor leaves out`);
    });
  return reduce(calls);
}

/** The engine's graph as a kernel would have it: the reference kernel's with the rows of the table applied. */
export function engineCallsFor(
  calls: readonly GraphCall[],
  kernel: string,
  differences: readonly Difference[] = AGREEMENT.differences,
): GraphCall[] {
  const rows = differences.filter(({ kernels, agreed }) => kernels.includes(kernel) && agreed !== null);
  const apply = (list: readonly GraphCall[], callers: readonly string[]): GraphCall[] =>
    list.flatMap((call) => {
      const row = rows.find(
        ({ module, agreed, within }) =>
          qualified(module, agreed as string) === qualified(call.module, call.fn) &&
          (within === undefined || callers.includes(within)),
      );
      const children = apply(call.children, [...callers, call.fn]);
      if (row === undefined) return [{ ...call, children }];
      return row.recorded === null ? children : [{ ...call, fn: row.recorded, children }];
    });
  return apply(calls, []);
}

/** Where a packet's way begins: it arrives, or is made on the host. */
const BEGINNINGS: readonly string[] = ["ip_rcv", "__ip_local_out"];

/**
 * The passages in a recorded graph, in the order in which they began: a packet that is made, or arrives by the
 * loopback, while another is being handled stands inside of the other's calls, and has a passage of its own. A packet
 * of the host leaves by the `ip_output` next to its `__ip_local_out`.
 */
export function passagesOf(calls: readonly GraphCall[]): GraphCall[][] {
  const passages: GraphCall[][] = [];
  const outside = (list: readonly GraphCall[]): GraphCall[] => {
    const rest: GraphCall[] = [];
    for (let i = 0; i < list.length; i++) {
      const call = list[i];
      if (!BEGINNINGS.includes(call.fn)) {
        rest.push({ ...call, children: outside(call.children) });
        continue;
      }
      const passage: GraphCall[] = [];
      passages.push(passage);
      passage.push({ ...call, children: outside(call.children) });
      if (call.fn === "__ip_local_out" && list[i + 1]?.fn === "ip_output") {
        const output = list[++i];
        passage.push({ ...output, children: outside(output.children) });
      }
    }
    return rest;
  };
  const rest = outside(calls);
  // Entries that time out are destroyed by a work queue, outside of any packet's way.
  return rest.length === 0 ? passages : [...passages, rest];
}
