/**
 * The journey of packets through hosts, as a person reads it: what each host did with each packet, step by step. The
 * engine's trace tells it at the grain of the kernel's functions; here it becomes flat ordered lists, counts and the
 * text of the kernel's function-graph tracer. How it is drawn is the business of `draw/`.
 */
import {
  type ByteRun,
  type ConntrackEvent,
  HOOK_NAMES,
  isCall,
  type PacketTrace,
  type TraceCall,
  type TraceNote,
  type TupleText,
} from "@netfilter-lab/engine";
import {
  callsOnly,
  compareGraphs,
  drawCallGraph,
  type GraphCall,
  type GraphComparison,
  parseFunctionGraph,
} from "./draw/call-graph.js";
import { endpoint, headline } from "./draw/dissect.js";
import { type Displayable, type Drawing, JUPYTER_DISPLAY, type MimeBundle, NODE_INSPECT } from "./draw/drawing.js";
import { drawHookMap } from "./draw/hook-map/hook-map.js";
import { drawPacket } from "./draw/packet.js";
import type { ViewedPacket } from "./draw/packet-view/document.js";
import { PacketViewDrawing, VIEW_LIMIT } from "./draw/packet-view/view.js";
import { drawSequence } from "./draw/sequence.js";
import { drawStates } from "./draw/states.js";
import { drawTuples } from "./draw/tuples.js";
import { describePacket } from "./packet-text/describe.js";

/** One end of a link, or a device on its own: `gateway.eth0`. */
export interface DeviceName {
  /** The host's name. */
  readonly host: string;
  /** The device's name there. */
  readonly device: string;
}

/** One function hanging on a hook of a host, as the host's registry had it when the walk was taken. */
export interface HookUser {
  /** `PREROUTING`, `INPUT`, `FORWARD`, `OUTPUT` or `POSTROUTING`. */
  readonly hook: string;
  /** Lower runs earlier. */
  readonly priority: number;
  /** The kernel's name of the function, such as `ipv4_conntrack_in`. */
  readonly fn: string;
  /** The kernel module it lives in. */
  readonly module: string;
  /** What a person calls it, such as `conntrack`. */
  readonly label: string;
}

/** One thing that happened to a packet: a function was called, or something was learned inside it. */
export interface WalkStep {
  /** Position in {@link WalkPacket.steps}, from 0. */
  readonly index: number;
  /** `call`: {@link WalkStep.fn} was entered. Else the kind of the note: `lookup`, `rewrite`, `verdict`, `rule`, ... */
  readonly kind: "call" | TraceNote["kind"];
  /** How many functions are around it. */
  readonly depth: number;
  /** The kernel's name of the function entered, or of the function that a note was taken in. */
  readonly fn: string;
  /** The module of that function; null for the core kernel image. */
  readonly module: string | null;
  /** The hook being traversed (`PREROUTING`, ...), or null outside of one. */
  readonly hook: string | null;
  /** Priority of the hook function it happens in, or null. */
  readonly priority: number | null;
  /** Label of the hook function it happens in (`conntrack`, `nat (SNAT)`, ...), or null. */
  readonly label: string | null;
  /** The note itself; null for a call. */
  readonly note: TraceNote | null;
  /** One line for people, without indentation. */
  readonly text: string;
}

/** What the packet looked like on its way in and on its way out. */
export type WalkPacketFields = Pick<
  WalkPacket,
  "host" | "serial" | "atMicros" | "from" | "to" | "iif" | "oif" | "before" | "after" | "calls" | "hooks"
> & {
  /** The hook in which it was dropped, as told by a backend that does not tell its calls. */
  readonly droppedIn?: string | null;
};

/** One packet's passage through one host. */
export class WalkPacket implements Displayable {
  /** The host whose passage this is. */
  readonly host: string;
  /** Names the packet while it travels: the same packet has the same serial on every host of one walk. */
  readonly serial: number;
  /** When the passage began, in microseconds of the lab's time. */
  readonly atMicros: number;
  /** The device that it came from at the other end of the link, or null when it was made on this host. */
  readonly from: DeviceName | null;
  /** The device that it goes to at the other end of the link, or null when it ended on this host. */
  readonly to: DeviceName | null;
  /** The device it came in by, or null when it was made on this host. */
  readonly iif: string | null;
  /** The device it left by, or null when it was delivered or dropped here. */
  readonly oif: string | null;
  /** The IP packet as it came in. */
  readonly before: Uint8Array;
  /** The IP packet as it left or as the socket got it; null when it was dropped. */
  readonly after: Uint8Array | null;
  /** The calls as a tree. */
  readonly calls: readonly TraceCall[];
  /** Everyone on the host's hooks when the walk was taken, in the order in which they run. */
  readonly hooks: readonly HookUser[];
  /** @internal The hook in which it was dropped, as told by a backend that does not tell {@link calls}. */
  readonly droppedIn: string | null;
  readonly #steps: readonly WalkStep[];

  constructor(fields: WalkPacketFields) {
    this.host = fields.host;
    this.serial = fields.serial;
    this.atMicros = fields.atMicros;
    this.from = fields.from;
    this.to = fields.to;
    this.iif = fields.iif;
    this.oif = fields.oif;
    this.before = fields.before;
    this.after = fields.after;
    this.calls = fields.calls;
    this.hooks = fields.hooks;
    this.droppedIn = fields.droppedIn ?? null;
    this.#steps = flatten(fields.calls);
  }

  /** What happened, in order, as a flat list. */
  get steps(): readonly WalkStep[] {
    return this.#steps;
  }

  /** How many times the conntrack hash was searched for this packet on this host. */
  get lookups(): number {
    return this.steps.filter((step) => step.kind === "lookup").length;
  }

  /** The calls as the kernel's function-graph tracer prints them. */
  get callGraph(): string {
    return callGraph(this.calls);
  }

  /** The packet in one line as tcpdump shows it, without the time: before, and after when that differs. */
  get summary(): string {
    const before = describePacket(this.before);
    const after = this.after === null ? null : describePacket(this.after);
    return after === null ? `${before} (ends here)` : after === before ? before : `${before}  =>  ${after}`;
  }

  /** The packet as it came in, in a few words: `tcp 192.168.2.55:50798 → 217.254.1.76:443 [SYN]`. */
  get brief(): string {
    const { protocol, src, sport, dst, dport, kind } = headline(this.before);
    return `${protocol} ${endpoint(src, sport)} → ${endpoint(dst, dport)} [${kind}]`;
  }

  /** Where it came in and where it left: `eth0 -> eth1`, `local -> eth0`, `eth0 -> local`, `eth0 -> dropped`. */
  get way(): string {
    return `${this.iif ?? "local"} -> ${this.oif ?? (this.after === null ? "dropped" : "local")}`;
  }

  /** The host's hooks with this packet's way through them, and what each function did. Drawn when shown in a cell. */
  get hookMap(): Drawing {
    return drawHookMap(this);
  }

  /** The tuples of the packet's conntrack entry and the packet's header, before and after NAT. */
  get tuples(): Drawing {
    return drawTuples(this);
  }

  /** {@link callGraph} as a drawing: what was learned stands beside each call. */
  get callTree(): Drawing {
    return drawCallGraph(this);
  }

  /** All header fields as the packet came and as it left, with the changed ones marked. */
  get headers(): Drawing {
    return drawPacket({
      title: `Packet ${this.serial} on ${this.host}`,
      before: this.before,
      beforeLabel: this.iif === null ? "made here" : `in by ${this.iif}`,
      after: this.after,
      afterLabel: this.after === null ? "ended here" : this.oif === null ? "delivered here" : `out by ${this.oif}`,
    });
  }

  /** This packet step by step, to be stepped through in a cell or on the site. */
  get view(): Drawing {
    return new PacketViewDrawing({ packets: [viewed(this)], omitted: 0 }, this.hookMap);
  }

  /**
   * This packet's calls beside a recording of the kernel's function-graph tracer: its text, or calls taken from it
   * (see `trackedReceptions`). Throws a `RecordingError` for text that is no function graph.
   */
  compareWith(recording: string | GraphCall): GraphComparison {
    const kernel = typeof recording === "string" ? parseFunctionGraph(recording) : [recording];
    return compareGraphs(kernel, callsOnly(this.calls));
  }

  /** @internal */
  [JUPYTER_DISPLAY](): MimeBundle {
    return this.hookMap[JUPYTER_DISPLAY]();
  }

  /** @internal */
  [NODE_INSPECT](): string {
    return `packet ${this.serial} on ${this.host}, ${this.way}: ${this.summary}`;
  }
}

/** What a walk saw of one host besides its packets. */
export interface WalkEvents {
  /** The host whose conntrack it is. */
  readonly host: string;
  /** What happened to an entry. */
  readonly event: ConntrackEvent;
}

/** The packets that crossed one host, or all hosts, while a function ran. */
export class Walk implements Displayable {
  /** The passages in the order in which they began. */
  readonly packets: readonly WalkPacket[];
  /** The conntrack events delivered meanwhile, in order. */
  readonly events: readonly WalkEvents[];

  constructor(packets: readonly WalkPacket[], events: readonly WalkEvents[]) {
    this.packets = packets;
    this.events = events;
  }

  /** Conntrack lookups of all packets together. */
  get lookups(): number {
    return this.packets.reduce((sum, packet) => sum + packet.lookups, 0);
  }

  /** The call graphs of all packets, one after another. */
  get callGraph(): string {
    return this.packets.map((packet) => packet.callGraph).join("");
  }

  /** The sequence of packets between the hosts, with the addresses as they are on each link. */
  get sequence(): Drawing {
    return drawSequence(this.packets);
  }

  /**
   * The packets on one timeline, to be stepped through function by function: what a walk shows as a cell's last line.
   * It holds the first 40 passages.
   */
  get view(): Drawing {
    const packets = this.packets.slice(0, VIEW_LIMIT).map(viewed);
    return new PacketViewDrawing({ packets, omitted: this.packets.length - packets.length }, this.sequence);
  }

  /** The TCP conntrack states that the walk's first connection went through, and the packet behind each transition. */
  get states(): Drawing {
    return drawStates(this.packets);
  }

  /** {@link states} of another connection: of an entry (by its number in the steps) on a host. */
  statesOf(host: string, entry: number): Drawing {
    return drawStates(this.packets, host, entry);
  }

  /** @internal */
  [JUPYTER_DISPLAY](): MimeBundle {
    return this.view[JUPYTER_DISPLAY]();
  }

  /** @internal */
  [NODE_INSPECT](): string {
    return this.sequence.text;
  }
}

function viewed(packet: WalkPacket): ViewedPacket {
  const { host, serial, atMicros, from, to, iif, oif, before, after, calls, hooks } = packet;
  const end = (name: DeviceName | null): string | null => (name === null ? null : `${name.host}.${name.device}`);
  const ends = { from: end(from), to: end(to), iif, oif };
  return { host, serial, atMicros, ...ends, before, through: after !== null, calls, hooks };
}

/** The text of the kernel's function-graph tracer for calls: names, modules and nesting, no times. */
export function callGraph(calls: readonly TraceCall[], indent = ""): string {
  let text = "";
  for (const call of calls) {
    const name = call.module === null ? call.fn : `${call.fn} [${call.module}]`;
    const inner = call.children.filter(isCall);
    if (inner.length === 0) text += `${indent}${name}();\n`;
    else text += `${indent}${name}() {\n${callGraph(inner, `${indent}  `)}${indent}}\n`;
  }
  return text;
}

/** `tcp 192.168.2.55:50798 -> 217.254.1.76:443`. */
export function describeTuple(tuple: TupleText): string {
  if (tuple.sport !== undefined)
    return `${tuple.protocol} ${endpoint(tuple.src, tuple.sport)} -> ${endpoint(tuple.dst, tuple.dport)}`;
  if (tuple.id !== undefined)
    return `${tuple.protocol} ${tuple.src} -> ${tuple.dst} type ${tuple.type} code ${tuple.code} id ${tuple.id}`;
  return `${tuple.protocol} ${tuple.src} -> ${tuple.dst}`;
}

/** A note in one line. */
export function describeNote(note: TraceNote): string {
  switch (note.kind) {
    case "hook":
      return `hook ${HOOK_NAMES[note.hook]}`;
    case "hookfn":
      return `${note.label} (priority ${note.priority})`;
    case "verdict":
      return `verdict ${note.verdict}`;
    case "lookup":
      return note.found === null
        ? `lookup ${describeTuple(note.tuple)}: not found`
        : `lookup ${describeTuple(note.tuple)}: found, entry #${note.entry}, ${note.found} direction`;
    case "attach":
      return `skb->_nfct = entry #${note.entry}, ${note.ctinfo}`;
    case "alloc":
      return `new entry #${note.entry}, unconfirmed: ORIGINAL ${describeTuple(note.original)}; REPLY ${describeTuple(note.reply)}`;
    case "alter-reply":
      return `reply tuple of #${note.entry} altered: ${describeTuple(note.before)}  =>  ${describeTuple(note.after)}`;
    case "rewrite":
      return `${note.manip === "SRC" ? "source" : "destination"} rewritten: ${describeTuple(note.before)}  =>  ${describeTuple(note.after)}`;
    case "confirm":
      return `entry #${note.entry} confirmed: both tuples are in the hash`;
    case "state":
      return `state of #${note.entry}: ${note.before} -> ${note.after}`;
    case "insert-failed":
      return `insert_failed: ${note.reason}`;
    case "invalid":
      return `INVALID: ${note.reason}`;
    case "event":
      return `event ${note.type} of #${note.entry}`;
    case "rule":
      return `${note.table} ${note.chain} rule ${note.number} ${note.matched ? "matches" : "does not match"}: ${note.rule}`;
    case "policy":
      return `${note.table} ${note.chain} policy ${note.verdict}`;
    case "route":
      return `route: ${note.result}`;
    case "end":
      return `ends here: ${note.reason}`;
    case "transmit":
      return `leaves by ${note.device}`;
    case "bytes":
      return note.runs.length === 0
        ? `the packet is ${note.length} bytes long now`
        : `written: ${note.runs.map(byteRange).join(", ")}`;
  }
}

/** `bytes 12 to 15`, counted from the IP header. */
function byteRange({ at, bytes }: ByteRun): string {
  return bytes.length === 1 ? `byte ${at}` : `bytes ${at} to ${at + bytes.length - 1}`;
}

/** A passage of the engine's trace as a {@link WalkPacket}; `peer` gives the other end of a device's link. */
export function walkPacket(
  passage: PacketTrace,
  hooks: readonly HookUser[],
  peer: (host: string, device: string) => DeviceName | null,
): WalkPacket {
  return new WalkPacket({
    host: passage.host,
    serial: passage.serial,
    atMicros: passage.atMicros,
    from: passage.iif === null ? null : peer(passage.host, passage.iif),
    to: passage.oif === null ? null : peer(passage.host, passage.oif),
    iif: passage.iif,
    oif: passage.oif,
    before: passage.before,
    after: passage.after,
    calls: passage.calls,
    hooks,
  });
}

interface Surroundings {
  readonly hook: string | null;
  readonly priority: number | null;
  readonly label: string | null;
}

const NOWHERE: Surroundings = { hook: null, priority: null, label: null };

function flatten(calls: readonly TraceCall[]): WalkStep[] {
  const steps: WalkStep[] = [];
  const visit = (call: TraceCall, depth: number, around: Surroundings): void => {
    // What a function is (a hook, a hook function) stands in a note inside it, and is said of the call itself.
    const here = call.children.reduce<Surroundings>((sum, item) => {
      if (isCall(item)) return sum;
      if (item.kind === "hook") return { ...NOWHERE, hook: HOOK_NAMES[item.hook] };
      if (item.kind === "hookfn") return { hook: HOOK_NAMES[item.hook], priority: item.priority, label: item.label };
      return sum;
    }, around);
    const common = { fn: call.fn, module: call.module, ...here };
    const text = call.module === null ? `${call.fn}()` : `${call.fn}() [${call.module}]`;
    steps.push({ index: steps.length, kind: "call", depth, ...common, note: null, text });
    for (const item of call.children) {
      if (isCall(item)) visit(item, depth + 1, here);
      else
        steps.push({
          index: steps.length,
          kind: item.kind,
          depth: depth + 1,
          ...common,
          note: item,
          text: describeNote(item),
        });
    }
  };
  for (const call of calls) visit(call, 0, NOWHERE);
  return steps;
}
