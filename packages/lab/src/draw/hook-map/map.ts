/** The map in plain values: who hangs on which hook, and where a packet came by. Nothing here draws. */
import { isCall, type TraceCall } from "@netfilter-lab/engine";
import type { IpFamily } from "../../ip-family.js";
import { type FunctionRun, type HookRun, type HookUserData, type PassageData, readJourney } from "../passage.js";

export const HOOKS = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"] as const;
export type HookName = (typeof HOOKS)[number];

/** A function on a hook and, when a packet is followed, what it did; `run` is null when it was not called. */
export interface Row {
  readonly user: HookUserData;
  readonly run: FunctionRun | null;
}

export interface Station {
  readonly hook: HookName;
  readonly rows: readonly Row[];
  /** The traversal; null when the packet did not come by (or none is followed). */
  readonly traversal: HookRun | null;
}

/** The map in plain values. */
export interface MapData {
  readonly host: string;
  /** Whose hooks they are, where no packet tells. */
  readonly family: IpFamily;
  readonly stations: Readonly<Record<HookName, Station>>;
  readonly packet: PassageData | null;
  readonly routes: readonly string[];
  readonly end: string | null;
  /** Legs of the course that the packet took. */
  readonly taken: ReadonlySet<Leg>;
}

/** The legs between the stations. */
export type Leg =
  | "in"
  | "route"
  | "toInput"
  | "toForward"
  | "toLocal"
  | "fromLocal"
  | "forwardToPost"
  | "outputToPost"
  | "out";

export function mapOf(
  host: string,
  users: readonly HookUserData[],
  packet: PassageData | null,
  family: IpFamily = "ipv4",
): MapData {
  const journey = packet === null ? null : readJourney(packet.calls);
  const stationOf = (hook: HookName): Station => {
    const registered = users.filter((user) => user.hook === hook);
    // A hook on which nobody hangs leaves no trace of its own: that the packet got by shows in what came after.
    const silent = registered.length === 0 && packet !== null && passedBy(packet, hook);
    const traversal =
      journey?.traversals.find((candidate) => candidate.hook === hook) ??
      (silent ? { hook, functions: [], verdict: "ACCEPT" } : null);
    const runs = [...(traversal?.functions ?? [])];
    const rows = registered.map((user): Row => {
      const at = runs.findIndex((run) => run.fn === user.fn && run.priority === user.priority);
      return { user, run: at < 0 ? null : runs.splice(at, 1)[0] };
    });
    return { hook, rows, traversal };
  };
  const stations = Object.fromEntries(HOOKS.map((hook) => [hook, stationOf(hook)])) as Record<HookName, Station>;
  const taken = new Set<Leg>();
  if (packet !== null) {
    const at = (hook: HookName): boolean => stations[hook].traversal !== null;
    const passed = (hook: HookName): boolean => stations[hook].traversal?.verdict === "ACCEPT";
    if (packet.iif !== null) taken.add("in");
    if (at("PREROUTING") && passed("PREROUTING")) taken.add("route");
    if (at("INPUT")) taken.add("toInput");
    if (at("FORWARD")) taken.add("toForward");
    if (passed("INPUT") && packet.after !== null) taken.add("toLocal");
    if (at("OUTPUT")) taken.add("fromLocal");
    if (passed("FORWARD") && at("POSTROUTING")) taken.add("forwardToPost");
    if (passed("OUTPUT") && at("POSTROUTING")) taken.add("outputToPost");
    if (packet.oif !== null) taken.add("out");
  }
  return { host, family, stations, packet, routes: journey?.routes ?? [], end: journey?.end ?? null, taken };
}

/** The functions of the IP layer, in both families: what stands beyond a hook. */
const ROUTE_INPUT = ["ip_route_input_noref", "ip6_route_input"];
const DELIVER = ["ip_local_deliver", "ip6_input"];
const FORWARD = ["ip_forward", "ip6_forward"];
const OUTPUT = ["ip_output", "ip6_output"];

/** Whether a packet got past a hook, by the functions of the IP layer that are called beyond it. */
function passedBy(packet: PassageData, hook: HookName): boolean {
  const called = new Set<string>();
  const collect = (calls: readonly TraceCall[]): void => {
    for (const call of calls) {
      called.add(call.fn);
      collect(call.children.filter(isCall));
    }
  };
  collect(packet.calls);
  const reached = (functions: readonly string[]): boolean => functions.some((fn) => called.has(fn));
  switch (hook) {
    case "PREROUTING":
      return packet.iif !== null && reached([...ROUTE_INPUT, ...FORWARD, ...DELIVER]);
    case "INPUT":
      return reached(DELIVER) && packet.after !== null;
    case "FORWARD":
      return reached(FORWARD) && reached(OUTPUT);
    case "OUTPUT":
      return packet.iif === null && reached(OUTPUT);
    case "POSTROUTING":
      return reached(OUTPUT) && packet.oif !== null;
  }
}

export function titleOf(map: MapData): string {
  return map.packet === null ? `Hooks of ${map.host}` : `Packet ${map.packet.serial} through ${map.host}`;
}

/** Device names or what stands in their place. */
export function wayOf(packet: PassageData): string {
  const from = packet.iif ?? "made here";
  const to = packet.oif ?? (packet.after === null ? "dropped" : "delivered here");
  return `${from} → ${to}`;
}

/** The stations in the order in which the packet came by. */
export function order(map: MapData): Station[] {
  const course: readonly HookName[] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
  return course.map((hook) => map.stations[hook]).filter((data) => data.traversal !== null);
}
