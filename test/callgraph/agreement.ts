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
  /** Functions that recordings show and the comparison passes over: what they call counts as called by their caller. */
  readonly leftOut: readonly {
    readonly reason: string;
    readonly functions: FunctionsByModule;
  }[];
  /** What certain kernels have otherwise. */
  readonly differences: readonly {
    readonly kernels: readonly string[];
    readonly module: string;
    /** The function in those kernels' recordings; null: there is none. */
    readonly recorded: string | null;
    /** The agreed function that it is; null: none, it is passed over. */
    readonly agreed: string | null;
    readonly why: string;
  }[];
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

/** The function a kernel's recording means; null for one that is passed over. Throws for one nobody has thought of. */
function meaning(call: GraphCall, kernel: string): string | null {
  const name = qualified(call.module, call.fn);
  for (const row of AGREEMENT.differences)
    if (row.kernels.includes(kernel) && row.recorded !== null && qualified(row.module, row.recorded) === name)
      return row.agreed;
  if (AGREED.has(name)) return withoutCompilerSuffix(call.fn);
  if (LEFT_OUT.has(name)) return null;
  throw new Error(`Linux ${kernel} calls ${name}, which agreement.json neither agrees on nor leaves out`);
}

/** A recorded graph as the agreed functions alone. */
export function agreedCalls(calls: readonly GraphCall[], kernel: string): GraphCall[] {
  return calls.flatMap((call) => {
    const children = agreedCalls(call.children, kernel);
    const fn = meaning(call, kernel);
    return fn === null ? children : [{ fn, module: call.module, children }];
  });
}

/** The engine's graph without what a kernel does not have. */
export function engineCallsFor(calls: readonly GraphCall[], kernel: string): GraphCall[] {
  const absent = new Set(
    AGREEMENT.differences.flatMap(({ kernels, module, recorded, agreed }) =>
      kernels.includes(kernel) && recorded === null && agreed !== null ? [qualified(module, agreed)] : [],
    ),
  );
  const without = (list: readonly GraphCall[]): GraphCall[] =>
    list.flatMap((call) => {
      const children = without(call.children);
      return absent.has(qualified(call.module, call.fn)) ? children : [{ ...call, children }];
    });
  return without(calls);
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
