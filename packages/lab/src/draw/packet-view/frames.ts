/**
 * From a walk's trace to the frames of the packet view: for each step of each packet, the function being executed and
 * who called it, the packet's bytes and which of them were written, the conntrack entry with both tuples, what hangs
 * on the packet (`_nfct`), the rule asked last, and where on the hook map the packet is. Pure: nothing here draws.
 */
import { HOOK_NAMES, isCall, type TraceCall, type TraceNote } from "@netfilter-lab/engine";
import { dissect } from "../dissect.js";
import type { Field, Layer } from "../fields.js";
import type { ViewedPacket, ViewedWalk } from "./document.js";
import type { EntryState } from "./entry-state.js";
import { callInWords, fieldsInWords, noteInWords } from "./words.js";

/** The stations of the hook map. */
export const PLACES = [
  "receive",
  "PREROUTING",
  "routing",
  "INPUT",
  "local",
  "FORWARD",
  "OUTPUT",
  "POSTROUTING",
  "transmit",
] as const;
export type Place = (typeof PLACES)[number];

/** A rule that was asked about the packet, with its counters after it. */
export type RuleState = Omit<TraceNote & { readonly kind: "rule" }, "kind">;

/** One step of one packet. */
export interface Frame {
  /** Position in the packet's frames, from 0. */
  readonly index: number;
  /** `call`: a function was entered; else what was learned in it. */
  readonly kind: "call" | Exclude<TraceNote["kind"], "hook" | "hookfn">;
  /** Whether a reader who does not follow every function stops here. */
  readonly main: boolean;
  /** The functions from the outermost to the one being executed. */
  readonly path: readonly { readonly fn: string; readonly module: string | null }[];
  readonly hook: string | null;
  /** Priority and label of the hook function it happens in; null outside of one. */
  readonly priority: number | null;
  readonly label: string | null;
  /** The step in a sentence. */
  readonly words: string;
  readonly place: Place;
  /** The places the packet has been at, in order, this one included. */
  readonly way: readonly Place[];
  /** The packet's bytes after this step. */
  readonly bytes: Uint8Array;
  /** Offsets of the bytes that this step wrote. */
  readonly written: ReadonlySet<number>;
  /** Offsets of the bytes that are not what they were when the packet came. */
  readonly changed: ReadonlySet<number>;
  /** The packet's connection: attached to it, or found or made for it. */
  readonly entry: EntryState | null;
  /** `skb->_nfct`: the attached entry's number and the packet's relation to it; null while nothing is attached. */
  readonly nfct: { readonly entry: number; readonly ctinfo: string } | null;
  /** The tuple of the entry that the lookup found. */
  readonly found: "ORIGINAL" | "REPLY" | null;
  /** The rule asked last in the hook function being executed. */
  readonly rule: RuleState | null;
  /** `ACCEPT`, `DROP`, ...: the decision taken at this step, or null. */
  readonly verdict: string | null;
}

/** A packet with its frames. */
export interface FramedPacket {
  readonly packet: ViewedPacket;
  readonly frames: readonly Frame[];
}

/** What a timeline can be asked to jump to. */
export type Landmark = "lookup" | "rewrite" | "verdict";

/** Whether a frame is such a landmark; of verdicts, those that decide for a whole hook. */
export function isLandmark(frame: Frame, landmark: Landmark): boolean {
  return frame.kind === landmark && (landmark !== "verdict" || frame.main);
}

/** A field with what it was when the packet came, where that differs. */
export interface ViewedField extends Field {
  readonly before: string | null;
  /** Whether the step at hand wrote it. */
  readonly written: boolean;
}

/** A header of a frame's packet. */
export interface ViewedLayer extends Omit<Layer, "fields"> {
  readonly fields: readonly ViewedField[];
}

/** The headers of a frame's packet, with what changed since it came. */
export function headersOf({ packet }: FramedPacket, frame: Frame): ViewedLayer[] {
  const before = dissect(packet.before);
  return dissect(frame.bytes).map((layer) => {
    const then = before.find(({ name, at }) => name === layer.name && at === layer.at);
    return {
      ...layer,
      fields: layer.fields.map((field) => {
        const value = then?.fields.find(({ name }) => name === field.name)?.value ?? null;
        let written = false;
        for (let at = field.at; at < field.at + field.length; at++) written ||= frame.written.has(at);
        return { ...field, before: value === field.value ? null : value, written };
      }),
    };
  });
}

/** The frames of all packets. */
export function framesOf(walk: ViewedWalk): FramedPacket[] {
  // Entries outlive packets: what one packet's trace told of them is still known at the next.
  const hosts = new Map<string, Map<number, EntryState>>();
  return walk.packets.map((packet) => {
    const entries = hosts.get(packet.host) ?? new Map<number, EntryState>();
    hosts.set(packet.host, entries);
    return { packet, frames: new PacketReader(packet, entries).read() };
  });
}

/** Where the functions of the IP layer are, between the hooks. */
const FUNCTION_PLACES: Readonly<Record<string, Place>> = {
  ipv6_rcv: "receive",
  ip6_route_input: "routing",
  ip6_forward: "FORWARD",
  ip6_input: "INPUT",
  __ip6_local_out: "OUTPUT",
  ip6_output: "POSTROUTING",
  ip_rcv: "receive",
  ip_route_input_noref: "routing",
  ip_forward: "FORWARD",
  ip_local_deliver: "INPUT",
  __ip_local_out: "OUTPUT",
  ip_output: "POSTROUTING",
};

const NOTHING: ReadonlySet<number> = new Set();

/** Follows one packet through its trace. */
class PacketReader {
  readonly #packet: ViewedPacket;
  readonly #entries: Map<number, EntryState>;
  readonly #frames: Frame[] = [];
  #bytes: Uint8Array;
  #written = new Set<number>();
  #changed: ReadonlySet<number> = NOTHING;
  #way: readonly Place[];
  #entry: number | null = null;
  #nfct: Frame["nfct"] = null;
  #found: Frame["found"] = null;
  #rule: RuleState | null = null;

  constructor(packet: ViewedPacket, entries: Map<number, EntryState>) {
    this.#packet = packet;
    this.#entries = entries;
    this.#bytes = packet.before;
    this.#way = [packet.iif === null ? "local" : "receive"];
  }

  read(): Frame[] {
    for (const [number, entry] of this.#entries) this.#entries.set(number, { ...entry, replyBefore: null });
    for (const call of this.#packet.calls) this.#call(call, [], { hook: null, priority: null, label: null }, false);
    return this.#frames;
  }

  /** `last`: whether this is the last function that its hook called. */
  #call(
    call: TraceCall,
    callers: Frame["path"],
    around: Pick<Frame, "hook" | "priority" | "label">,
    last: boolean,
  ): void {
    const path = [...callers, { fn: call.fn, module: call.module }];
    const where = call.children.find((item) => !isCall(item) && (item.kind === "hook" || item.kind === "hookfn"));
    const hook = where !== undefined && "hook" in where ? HOOK_NAMES[where.hook] : around.hook;
    const own =
      where === undefined || isCall(where)
        ? around
        : where.kind === "hookfn"
          ? { hook, priority: where.priority, label: where.label }
          : { hook, priority: null, label: null };
    const place = where === undefined ? FUNCTION_PLACES[call.fn] : (hook as Place);
    if (place !== undefined && around.hook === null) this.#go(place);
    if (own.priority !== around.priority) this.#rule = null;
    const main = where !== undefined || (call.module === null && around.hook === null);
    this.#frame({
      kind: "call",
      main,
      path,
      ...own,
      words: callInWords(call, own, where !== undefined),
      verdict: null,
    });
    const calls = call.children.filter(isCall);
    for (const item of call.children) {
      if (isCall(item)) this.#call(item, path, own, hook !== null && item === calls.at(-1));
      else this.#note(item, path, own, last && own.priority !== around.priority);
    }
    if (own.hook !== around.hook || own.priority !== around.priority) this.#rule = null;
  }

  #note(
    note: TraceNote,
    path: Frame["path"],
    around: Pick<Frame, "hook" | "priority" | "label">,
    decides: boolean,
  ): void {
    const { kind } = note;
    if (kind === "hook" || kind === "hookfn") return;
    if (kind === "bytes") {
      const before = this.#bytes;
      this.#write(note);
      // NAT says itself what it wrote, in the note that follows once the function writing it has returned.
      if (/^nf_nat_ipv[46]_manip_pkt$/.test(path.at(-1)?.fn ?? "")) return;
      const words = fieldsInWords(before, this.#bytes);
      this.#frame({ kind, main: true, path, ...around, words, verdict: null });
      return;
    }
    this.#learn(note);
    const verdict = kind === "verdict" || kind === "policy" ? note.verdict : null;
    const decided = kind === "verdict" && (decides || note.verdict !== "ACCEPT");
    const main = kind === "rule" ? note.matched : kind === "verdict" ? decided : true;
    const entry = this.#entry === null ? null : (this.#entries.get(this.#entry) ?? null);
    const words = noteInWords(note, { ...around, decides: decided, entry });
    this.#frame({ kind, main, path, ...around, words, verdict });
  }

  /** What a note tells of the connection, the rule and the place. */
  #learn(note: Exclude<TraceNote, { kind: "hook" | "hookfn" | "bytes" }>): void {
    const change = (entry: number, more: Partial<EntryState>): void => {
      const known = this.#entries.get(entry);
      if (known !== undefined) this.#entries.set(entry, { ...known, ...more });
    };
    switch (note.kind) {
      case "lookup":
        this.#found = note.found;
        if (note.entry !== null) this.#entry = note.entry;
        break;
      case "alloc": {
        const { entry, original, reply } = note;
        this.#entries.set(entry, { entry, original, reply, replyBefore: null, state: null, confirmed: false });
        this.#entry = entry;
        break;
      }
      case "attach": {
        const { entry, ctinfo, original, reply, state, confirmed } = note;
        this.#entries.set(entry, { entry, original, reply, replyBefore: null, state, confirmed });
        this.#entry = entry;
        this.#nfct = { entry, ctinfo };
        break;
      }
      case "alter-reply":
        change(note.entry, { reply: note.after, replyBefore: note.before });
        break;
      case "confirm":
        change(note.entry, { original: note.original, reply: note.reply, confirmed: true });
        break;
      case "state":
        change(note.entry, { state: note.after });
        break;
      case "event":
        if (note.type === "DESTROY") change(note.entry, { confirmed: false });
        break;
      case "rule": {
        const { kind: _, ...rule } = note;
        this.#rule = rule;
        break;
      }
      case "transmit":
        this.#go("transmit");
        break;
      case "end":
        if (this.#packet.through) this.#go("local");
        break;
      default:
        break;
    }
  }

  #write(note: TraceNote & { readonly kind: "bytes" }): void {
    const bytes = new Uint8Array(note.length);
    bytes.set(this.#bytes.subarray(0, note.length));
    for (const run of note.runs) {
      for (const [i, byte] of run.bytes.entries()) {
        if (run.at + i >= bytes.length) continue;
        bytes[run.at + i] = byte;
        this.#written.add(run.at + i);
      }
    }
    this.#bytes = bytes;
    const changed = new Set<number>();
    for (const [at, byte] of bytes.entries()) if (byte !== this.#packet.before[at]) changed.add(at);
    this.#changed = changed;
  }

  #go(place: Place): void {
    const last = this.#way.at(-1);
    if (last === place) return;
    // A hook on which nobody hangs leaves no trace of its own.
    const passed: readonly Place[] = last === "receive" && place !== "PREROUTING" ? ["PREROUTING"] : [];
    this.#way = [...this.#way, ...passed, place];
  }

  #frame(fields: Pick<Frame, "kind" | "main" | "path" | "hook" | "priority" | "label" | "words" | "verdict">): void {
    this.#frames.push({
      index: this.#frames.length,
      ...fields,
      place: this.#way.at(-1) as Place,
      way: this.#way,
      bytes: this.#bytes,
      written: this.#written.size === 0 || fields.kind === "call" ? NOTHING : this.#written,
      changed: this.#changed,
      entry: this.#entry === null ? null : (this.#entries.get(this.#entry) ?? null),
      nfct: this.#nfct,
      found: this.#found,
      rule: this.#rule,
    });
    if (fields.kind !== "call") this.#written = new Set();
  }
}
