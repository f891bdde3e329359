/**
 * A walk on real Linux: packets as they were on the devices of a host, conntrack events, and the rules that the trace
 * of nf_tables names. The functions a packet met, lookups, rewrites and states are inside the kernel: what would need
 * them is an {@link EngineOnlyError} (a drawing: when it is drawn), and {@link WalkPacket.steps} holds hooks, rules
 * that matched, and policies only.
 */
import type { GraphCall, GraphComparison } from "../draw/call-graph.js";
import { type Drawing, JUPYTER_DISPLAY, type MimeBundle, NODE_INSPECT } from "../draw/drawing.js";
import { Walk, WalkPacket, type WalkPacketFields, type WalkStep } from "../walk.js";
import { EngineOnlyError, noteEngineOnly } from "./engine-only.js";
import { UnknownComparison, UnknownDrawing } from "./unknown-drawing.js";

const INSIDE = "the functions a packet meets inside the kernel are not seen from outside";

export class LinuxWalkPacket extends WalkPacket {
  readonly #traced: readonly WalkStep[];

  /** `traced`: what the trace of nf_tables told of the packet. */
  constructor(fields: WalkPacketFields, traced: readonly WalkStep[]) {
    super(fields);
    this.#traced = traced;
  }

  /** The hooks that it crossed, rules that matched and policies of iptables' tables; nothing else is known here. */
  override get steps(): readonly WalkStep[] {
    noteEngineOnly("walk.packets[].steps");
    return this.#traced;
  }

  override get lookups(): number {
    throw new EngineOnlyError("walk.packets[].lookups", INSIDE);
  }

  override get callGraph(): string {
    throw new EngineOnlyError("walk.packets[].callGraph", INSIDE);
  }

  override get hookMap(): Drawing {
    return new UnknownDrawing("walk.packets[].hookMap", INSIDE);
  }

  override get tuples(): Drawing {
    return new UnknownDrawing("walk.packets[].tuples", "which entry a packet belongs to is not seen from outside");
  }

  override get callTree(): Drawing {
    return new UnknownDrawing("walk.packets[].callTree", INSIDE);
  }

  override get view(): Drawing {
    return new UnknownDrawing("walk.packets[].view", INSIDE);
  }

  override compareWith(_recording: string | GraphCall): GraphComparison {
    return new UnknownComparison("walk.packets[].compareWith", INSIDE);
  }

  /** The packet in one line, the steps that are known, and that there is no more. */
  get #text(): string {
    const known = this.#traced.map((step) => `${"  ".repeat(step.depth + 1)}${step.text}\n`).join("");
    const line = `packet ${this.serial} on ${this.host}, ${this.way}: ${this.summary}`;
    return `${line}\n${known}(backend "linux": devices, hooks and traced rules; the rest is inside the kernel)`;
  }

  /** @internal */
  override [JUPYTER_DISPLAY](): MimeBundle {
    noteEngineOnly("walk.packets[]");
    return { "text/plain": this.#text };
  }

  /** @internal */
  override [NODE_INSPECT](): string {
    return this.#text;
  }
}

export class LinuxWalk extends Walk {
  override get lookups(): number {
    throw new EngineOnlyError("walk.lookups", INSIDE);
  }

  override get callGraph(): string {
    throw new EngineOnlyError("walk.callGraph", INSIDE);
  }

  override get view(): Drawing {
    return new UnknownDrawing("walk.view", INSIDE);
  }

  override get states(): Drawing {
    return new UnknownDrawing("walk.states", "which packet caused a transition is not seen from outside");
  }

  override statesOf(_host: string, _entry: number): Drawing {
    return new UnknownDrawing("walk.statesOf", "which packet caused a transition is not seen from outside");
  }

  /** @internal */
  override [JUPYTER_DISPLAY](): MimeBundle {
    // The packets are the kernel's; what a walk shows besides, on the engine, is not seen from outside.
    noteEngineOnly("walk.view");
    return this.sequence[JUPYTER_DISPLAY]();
  }
}
