/**
 * The map of the five hooks of IPv4 or IPv6: who hangs on each, and the way one packet took through them with what each
 * function did. Where the hooks lie is the family's own course (ip_rcv, ip_forward, ip_local_deliver, ip_output;
 * ipv6_rcv, ip6_forward, ip6_input, ip6_output); everything on them comes from the host's registry and the packet's
 * trace.
 */
import type { IpFamily } from "../../ip-family.js";
import { Drawing, type DrawingSource } from "../drawing.js";
import type { HookUserData, PassageData } from "../passage.js";
import type { Scene } from "../scene.js";
import { type MapData, mapOf } from "./map.js";
import { mermaid } from "./mermaid.js";
import { scene } from "./svg.js";
import { text } from "./text.js";

/** Who hangs on a host's hooks: a list that draws itself as the map. */
export class HookRegistry extends Drawing {
  /** The host. */
  readonly host: string;
  readonly #entries: readonly HookUserData[];

  constructor(host: string, entries: readonly HookUserData[], family: IpFamily = "ipv4") {
    super(sourceOf(mapOf(host, entries, null, family)));
    this.host = host;
    this.#entries = entries;
  }

  /** Everyone, hook by hook, in the order in which they run. */
  get entries(): readonly HookUserData[] {
    return this.#entries;
  }

  /** Who hangs on one hook: `PREROUTING`, `INPUT`, `FORWARD`, `OUTPUT` or `POSTROUTING`. */
  at(hook: string): readonly HookUserData[] {
    return this.entries.filter((entry) => entry.hook === hook);
  }
}

/** The map of a host's registry, without a packet. */
export function drawHooks(host: string, users: readonly HookUserData[]): HookRegistry {
  return new HookRegistry(host, users);
}

/** The map with a packet's way through it. */
export function drawHookMap(packet: PassageData): Drawing {
  return new Drawing(sourceOf(mapOf(packet.host, packet.hooks, packet)));
}

/** {@link drawHooks} as a scene, for tests of the layout. */
export function hooksScene(host: string, users: readonly HookUserData[]): Scene {
  return scene(mapOf(host, users, null));
}

/** {@link drawHookMap} as a scene, for tests of the layout. */
export function hookMapScene(packet: PassageData): Scene {
  return scene(mapOf(packet.host, packet.hooks, packet));
}

function sourceOf(map: MapData): DrawingSource {
  return { text: () => text(map), svg: () => scene(map).toString(), mermaid: () => mermaid(map) };
}
