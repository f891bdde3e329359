/**
 * A walk as a JSON document: what a cell's output carries under a MIME type of its own, and what the packet view is
 * drawn from, in a notebook and on the site. It is the trace itself, so nothing in it was decided for the view; it is
 * read with every value checked, because it may come from a file or a link that anybody made.
 */
import type { TraceCall, TraceNote } from "@netfilter-lab/engine";
import type { HookUserData } from "../passage.js";

/** The MIME type of such a document in a cell's outputs. */
export const WALK_MIME_TYPE = "application/vnd.netfilter-lab.walk+json";

/** The version this code writes and reads. */
export const WALK_DOCUMENT_VERSION = 1;

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** One packet's passage through one host, as the view needs it. */
export interface ViewedPacket {
  readonly host: string;
  readonly serial: number;
  /** When the passage began, in microseconds of the lab's time. */
  readonly atMicros: number;
  /** `client.eth0` at the other end of the link; null when it was made on this host. */
  readonly from: string | null;
  readonly to: string | null;
  readonly iif: string | null;
  readonly oif: string | null;
  readonly before: Uint8Array;
  /** Whether it left by a device or reached a socket. */
  readonly through: boolean;
  readonly calls: readonly TraceCall[];
  readonly hooks: readonly HookUserData[];
}

/** What a view shows. */
export interface ViewedWalk {
  readonly packets: readonly ViewedPacket[];
  /** How many passages of the walk are left out, because a view of all would be too heavy. */
  readonly omitted: number;
}

/** The document is not one that this code can read; the message says where and why. */
export class WalkDocumentError extends Error {
  override readonly name = "WalkDocumentError";
}

// --- Writing -----------------------------------------------------------------------------------------------------

/** The document of a walk. */
export function walkDocument(walk: ViewedWalk): Json {
  const functions: [string, string | null][] = [];
  const places = new Map<string, number>();
  const functionOf = ({ fn, module }: TraceCall): number => {
    const key = `${fn} ${module}`;
    const known = places.get(key);
    if (known !== undefined) return known;
    places.set(key, functions.length);
    return functions.push([fn, module]) - 1;
  };
  const callJson = (call: TraceCall): Json => [
    functionOf(call),
    ...call.children.map((item) => ("fn" in item ? callJson(item) : noteJson(item))),
  ];
  const registries: (readonly HookUserData[])[] = [];
  const packets = walk.packets.map(({ hooks, before, calls, ...rest }) => {
    let registry = registries.findIndex((known) => JSON.stringify(known) === JSON.stringify(hooks));
    if (registry < 0) registry = registries.push(hooks) - 1;
    // As text: a notebook writes JSON with a line for each value, and a packet has hundreds.
    return { ...rest, before: toHex(before), hooks: registry, calls: JSON.stringify(calls.map(callJson)) };
  });
  return {
    version: WALK_DOCUMENT_VERSION,
    omitted: walk.omitted,
    functions,
    registries: registries.map((users) =>
      users.map(({ hook, priority, fn, module, label }) => [hook, priority, fn, module, label]),
    ),
    packets,
  };
}

function noteJson(note: TraceNote): Json {
  if (note.kind === "bytes") return { ...note, runs: note.runs.map(({ at, bytes }) => [at, toHex(bytes)]) };
  return { ...note } as unknown as Json;
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// --- Reading -----------------------------------------------------------------------------------------------------

/** Reads one value; `where` names it for an error. */
type Reader<Value> = (value: unknown, where: string) => Value;

function fail(where: string, wanted: string): never {
  throw new WalkDocumentError(`${where} is not ${wanted}`);
}

const text: Reader<string> = (value, where) =>
  typeof value === "string" && value.length <= 10_000 ? value : fail(where, "a text");
const whole: Reader<number> = (value, where) =>
  typeof value === "number" && Number.isSafeInteger(value) ? value : fail(where, "a whole number");
const flag: Reader<boolean> = (value, where) => (typeof value === "boolean" ? value : fail(where, "true or false"));
const oneOf =
  <Value extends string | number>(...values: readonly Value[]): Reader<Value> =>
  (value, where) =>
    values.find((known) => known === value) ?? fail(where, `one of ${values.join(", ")}`);
const nullable =
  <Value>(read: Reader<Value>): Reader<Value | null> =>
  (value, where) =>
    value === null ? null : read(value, where);
const list =
  <Value>(read: Reader<Value>): Reader<Value[]> =>
  (value, where) =>
    Array.isArray(value) ? value.map((item, i) => read(item, `${where}[${i}]`)) : fail(where, "a list");
const bytes: Reader<Uint8Array> = (value, where) =>
  typeof value === "string" && /^([0-9a-f]{2}){0,65535}$/.test(value)
    ? Uint8Array.from(value.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
    : fail(where, "bytes in hexadecimal");

/** Reads an object's members by name; what it has beyond them is left behind. */
const members =
  <Value>(readers: { readonly [Name in keyof Value]-?: Reader<Value[Name]> }): Reader<Value> =>
  (value, where) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return fail(where, "an object");
    const result: Record<string, unknown> = {};
    for (const name of Object.keys(readers) as (keyof Value & string)[]) {
      const read = readers[name](Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined, `${where}.${name}`);
      if (read !== undefined) result[name] = read;
    }
    return result as Value;
  };
const maybe =
  <Value>(read: Reader<Value>): Reader<Value | undefined> =>
  (value, where) =>
    value === undefined ? undefined : read(value, where);

const tuple = members({
  src: text,
  dst: text,
  protocol: text,
  sport: maybe(whole),
  dport: maybe(whole),
  type: maybe(whole),
  code: maybe(whole),
  id: maybe(whole),
});

const hookNumber = oneOf(0, 1, 2, 3, 4);
const run: Reader<{ at: number; bytes: Uint8Array }> = (value, where) =>
  Array.isArray(value) ? { at: offset(value[0], where), bytes: bytes(value[1], where) } : fail(where, "a pair");
const offset: Reader<number> = (value, where) => {
  const number = whole(value, where);
  return number >= 0 && number <= 65535 ? number : fail(where, "an offset in a packet");
};

const NOTES: { readonly [Kind in TraceNote["kind"]]: { readonly [name: string]: Reader<unknown> } } = {
  hook: { hook: hookNumber },
  hookfn: { hook: hookNumber, priority: whole, label: text },
  verdict: { verdict: text },
  lookup: { tuple, found: nullable(oneOf("ORIGINAL", "REPLY")), entry: nullable(whole) },
  attach: {
    entry: whole,
    ctinfo: text,
    already: flag,
    original: tuple,
    reply: tuple,
    state: nullable(text),
    confirmed: flag,
  },
  alloc: { entry: whole, original: tuple, reply: tuple },
  "alter-reply": { entry: whole, before: tuple, after: tuple },
  rewrite: { manip: oneOf("SRC", "DST"), before: tuple, after: tuple },
  confirm: { entry: whole, original: tuple, reply: tuple },
  state: { entry: whole, before: text, after: text },
  invalid: { reason: text },
  "insert-failed": { reason: text },
  event: { type: oneOf("NEW", "UPDATE", "DESTROY"), entry: whole },
  rule: { table: text, chain: text, number: whole, rule: text, matched: flag, packets: whole, bytes: whole },
  policy: { table: text, chain: text, verdict: text },
  route: { result: text },
  end: { reason: text },
  transmit: { device: text },
  bytes: { length: offset, runs: list(run) },
};

const note: Reader<TraceNote> = (value, where) => {
  const kind = text((value as { kind?: unknown } | null)?.kind, `${where}.kind`);
  if (!Object.hasOwn(NOTES, kind)) return fail(`${where}.kind`, "a note of a trace");
  const fields = members<Record<string, unknown>>(NOTES[kind as TraceNote["kind"]])(value, where);
  return { kind, ...fields } as unknown as TraceNote;
};

const hookUser: Reader<HookUserData> = (value, where) => {
  if (!Array.isArray(value)) return fail(where, "a hook function");
  const [hook, priority, fn, module, label] = value as unknown[];
  return {
    hook: text(hook, where),
    priority: whole(priority, where),
    fn: text(fn, where),
    module: text(module, where),
    label: text(label, where),
  };
};

/** Calls nest; no real trace comes near this depth, and a made one must not exhaust the stack. */
const DEEPEST = 100;

/** Calls and notes of all packets together: ten times what a view holds, and no more than a browser draws at ease. */
const LONGEST = 30_000;

/**
 * Reads a document: a parsed JSON value from anywhere.
 *
 * @throws WalkDocumentError for anything but a document of this version
 */
export function readWalkDocument(value: unknown): ViewedWalk {
  const version = (value as { version?: unknown } | null)?.version;
  if (typeof version === "number" && version !== WALK_DOCUMENT_VERSION)
    throw new WalkDocumentError(`the walk is of version ${version}; this view reads version ${WALK_DOCUMENT_VERSION}`);
  const { functions, registries } = members({
    version: oneOf(WALK_DOCUMENT_VERSION),
    functions: list<[string, string | null]>((item, where) =>
      Array.isArray(item) ? [text(item[0], where), nullable(text)(item[1], where)] : fail(where, "a function"),
    ),
    registries: list(list(hookUser)),
  })(value, "the walk");
  let items = 0;
  const callAt =
    (depth: number): Reader<TraceCall> =>
    (item, where) => {
      if (!Array.isArray(item) || depth > DEEPEST) return fail(where, "a call");
      const [index, ...children] = item as unknown[];
      items += item.length;
      if (items > LONGEST) throw new WalkDocumentError(`the walk is too long: more than ${LONGEST} steps`);
      const known = functions[whole(index, where)];
      if (known === undefined) return fail(where, "a call of a known function");
      return {
        fn: known[0],
        module: known[1],
        children: children.map((child, i) =>
          Array.isArray(child) ? callAt(depth + 1)(child, `${where}[${i + 1}]`) : note(child, `${where}[${i + 1}]`),
        ),
      };
    };
  const calls: Reader<TraceCall[]> = (item, where) => {
    if (typeof item !== "string") return fail(where, "a text");
    let parsed: unknown;
    try {
      parsed = JSON.parse(item);
    } catch {
      return fail(where, "JSON");
    }
    return list(callAt(0))(parsed, where);
  };
  const registry: Reader<readonly HookUserData[]> = (item, where) =>
    registries[whole(item, where)] ?? fail(where, "a known registry");
  return members<ViewedWalk>({
    omitted: whole,
    packets: list(
      members<ViewedPacket>({
        host: text,
        serial: whole,
        atMicros: whole,
        from: nullable(text),
        to: nullable(text),
        iif: nullable(text),
        oif: nullable(text),
        before: bytes,
        through: flag,
        calls,
        hooks: registry,
      }),
    ),
  })(value, "the walk");
}
