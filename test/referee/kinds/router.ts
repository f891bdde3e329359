/**
 * The router that scenarios are about: a client behind lan0, servers behind wan0, and what NAT makes of the client. A
 * kind adds its packets to one of these; nothing here says what must come out.
 */
import type { Choice } from "../choice.js";
import { isPacket, type PacketStep, type Scenario, type Step, toHex } from "../scenario.js";

/** Makes scenarios of one kind from choices. */
export interface Kind {
  readonly name: string;
  /** What it tries, in a sentence. */
  readonly about: string;
  make(choice: Choice): Omit<Scenario, "version" | "name">;
}

export const CLIENT = "192.168.1.10";
export const OTHER_CLIENT = "192.168.1.11";
export const SERVER = "198.51.100.9";
export const FAR_SERVER = "203.0.113.7";
export const INSIDE = "192.168.1.1";
export const OUTSIDE = "198.51.100.1";

export const DEVICES: Scenario["devices"] = { lan0: [`${INSIDE}/24`], wan0: [`${OUTSIDE}/24`] };
export const FORWARDING: Readonly<Record<string, string>> = {
  "net.ipv4.ip_forward": "1",
  "net.ipv4.icmp_ratelimit": "0",
};
/** What a default route would do: more servers behind wan0. */
export const ROUTE = `ip route add 203.0.113.0/24 dev wan0`;

/** Rules, legacy ones mostly: they are loaded in a fifteenth of the time. */
export const TOOLS: readonly string[] = ["iptables-legacy", "iptables-legacy", "iptables-legacy", "iptables"];

/** What is looked at when a scenario is over. */
export function closing(tool = "iptables-legacy"): string[] {
  return ["conntrack -L", `${tool}-save -c`];
}

/** A packet arrives. */
export function arrives(dev: string, bytes: Uint8Array): PacketStep {
  return { in: dev, hex: toHex(bytes) };
}

export function lan(bytes: Uint8Array): PacketStep {
  return arrives("lan0", bytes);
}

export function wan(bytes: Uint8Array): PacketStep {
  return arrives("wan0", bytes);
}

/** How a client is seen by servers: by which rule, under which address, and with the port kept where it is free. */
export interface Translation {
  readonly setup: readonly string[];
  /** The client's address as servers see it. */
  readonly outside: string;
}

/** No NAT (conntrack by a rule that asks for it), SNAT, or MASQUERADE. */
export function translation(choice: Choice, tool: string): Translation {
  return choice.pick<Translation>([
    { setup: [`${tool} -t nat -A POSTROUTING -o wan0 -j SNAT --to-source ${OUTSIDE}`], outside: OUTSIDE },
    { setup: [`${tool} -t nat -A POSTROUTING -o wan0 -j MASQUERADE`], outside: OUTSIDE },
    { setup: [`${tool} -A FORWARD -m conntrack --ctstate NEW -j ACCEPT`], outside: CLIENT },
  ]);
}

/**
 * Rules in one go, by `iptables-restore`: the commands of one tool, `TOOL [-t TABLE] -A CHAIN ...`, as what they load.
 * A command is a process, and scenarios of many packets should spend their time on packets.
 */
export function loaded(tool: string, commands: readonly string[]): string {
  const tables = new Map<string, string[]>();
  for (const command of commands) {
    const [, named, rule] = new RegExp(`^${tool} (?:-t (\\w+) )?(-[ANP] .*)$`).exec(command) ?? [];
    if (rule === undefined) throw new Error(`not a rule of ${tool}: ${command}`);
    const table = named ?? "filter";
    tables.set(table, [...(tables.get(table) ?? []), rule]);
  }
  const lines = [...tables].flatMap(([table, rules]) => [`*${table}`, ...rules, "COMMIT"]);
  return [`${tool}-restore << 'END'`, ...lines, "END"].join("\n");
}

/** Rules in one go mostly, and one by one now and then: the tools have a way of their own for each. */
export function putIn(choice: Choice, tool: string, commands: readonly string[]): readonly string[] {
  return choice.oneIn(6) ? commands : [loaded(tool, commands)];
}

/** Counts how conntrack sees each forwarded packet: with `-c`, a save tells. */
export function stateCounters(tool: string): string[] {
  return [
    `${tool} -A FORWARD -m conntrack --ctstate INVALID -m comment --comment invalid`,
    `${tool} -A FORWARD -m conntrack --ctstate NEW`,
    `${tool} -A FORWARD -m conntrack --ctstate RELATED`,
    `${tool} -A FORWARD -m conntrack --ctstate ESTABLISHED --ctdir ORIGINAL`,
    `${tool} -A FORWARD -m conntrack --ctstate ESTABLISHED --ctdir REPLY`,
  ];
}

/** What a kind adds to {@link routed}. */
export interface Additions {
  readonly sysctl?: Readonly<Record<string, string>>;
  /** Commands before the rules are loaded. */
  readonly setup?: readonly string[];
  /** Rules after those that count. */
  readonly rules?: readonly string[];
}

/** Packets through the router under these rules, with every packet's state counted. */
export function routed(
  tool: string,
  rules: readonly string[],
  steps: readonly Step[],
  more: Additions = {},
): Omit<Scenario, "version" | "name"> {
  return {
    devices: DEVICES,
    sysctl: { ...FORWARDING, ...more.sysctl },
    setup: [...(more.setup ?? []), loaded(tool, [...rules, ...stateCounters(tool), ...(more.rules ?? [])])],
    steps,
    finally: closing(tool),
  };
}

/** The packets of a list of steps. */
export function packetsOf(steps: readonly Step[]): PacketStep[] {
  return steps.filter(isPacket);
}
