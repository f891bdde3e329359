/** What the groups of recorded scenarios are written in: a scenario by its name, on the referee's router. */
import { DEVICES, FORWARDING, lan, ROUTE, wan } from "../kinds/router.js";
import { echo, icmpAbout, tcp, udp } from "../lines.js";
import { ACK, PSH, tcp as tcpFields } from "../packets.js";
import type { PacketStep, Scenario, Step } from "../scenario.js";

/** Scenarios that are recorded in one file. */
export interface Group {
  /** Of the file: `traps` is recorded in traps.linux-6.18.jsonl. */
  readonly name: string;
  /** What it covers, in a sentence. */
  readonly about: string;
  readonly scenarios: () => readonly Scenario[];
}

/** What a scenario has that the router does not say already. */
export interface Parts {
  readonly name: string;
  readonly setup?: readonly string[];
  readonly steps: readonly Step[];
  readonly sysctl?: Readonly<Record<string, string>>;
  /** Absent: the table, and the rules' counters where there is an iptables-legacy rule. */
  readonly finally?: readonly string[];
}

export const LIST = "conntrack -L";
const SAVE = "iptables-legacy-save -c";

/** A scenario on the router of kinds/router.ts. */
export function onRouter({ name, setup = [], steps, sysctl = {}, finally: last }: Parts): Scenario {
  const legacy = [...setup, ...steps.map((step) => ("run" in step ? step.run : ""))].some((line) =>
    line.startsWith("iptables-legacy"),
  );
  return {
    version: 1,
    name,
    devices: DEVICES,
    sysctl: { ...FORWARDING, ...sysctl },
    setup: [ROUTE, ...setup],
    steps,
    finally: last ?? (legacy ? [LIST, SAVE] : [LIST]),
  };
}

export const SNAT = "iptables-legacy -t nat -A POSTROUTING -o wan0 -j SNAT --to-source 198.51.100.1";
export const MASQUERADE = "iptables-legacy -t nat -A POSTROUTING -o wan0 -j MASQUERADE";
/** Conntrack without NAT. */
export const TRACK = "iptables-legacy -A FORWARD -m conntrack --ctstate INVALID -j DROP";

/** A name below net.netfilter.nf_conntrack_, with its value. */
export function tunable(name: string, value: number): Readonly<Record<string, string>> {
  return { [`net.netfilter.nf_conntrack_${name}`]: String(value) };
}

/** A TCP segment that carries a text. */
function said(
  from: string,
  to: string,
  fields: { readonly seq: number; readonly ack: number },
  words: string,
): Uint8Array {
  const [src, sport] = from.split(":");
  const [dst, dport] = to.split(":");
  const payload = new TextEncoder().encode(words);
  return tcpFields(
    { src, dst, id: 0 },
    { sport: Number(sport), dport: Number(dport), flags: ACK | PSH, payload, ...fields },
  );
}

type Line<Args extends readonly unknown[]> = (...args: Args) => PacketStep;

/** The builders of lines.ts, arriving from the client's side and from the servers'. */
export const fromLan: {
  readonly tcp: Line<Parameters<typeof tcp>>;
  readonly udp: Line<Parameters<typeof udp>>;
  readonly echo: Line<Parameters<typeof echo>>;
  readonly about: Line<Parameters<typeof icmpAbout>>;
  readonly text: Line<Parameters<typeof said>>;
} = {
  tcp: (...args) => lan(tcp(...args)),
  udp: (...args) => lan(udp(...args)),
  echo: (...args) => lan(echo(...args)),
  about: (...args) => lan(icmpAbout(...args)),
  text: (...args) => lan(said(...args)),
};
export const fromWan: typeof fromLan = {
  tcp: (...args) => wan(tcp(...args)),
  udp: (...args) => wan(udp(...args)),
  echo: (...args) => wan(echo(...args)),
  about: (...args) => wan(icmpAbout(...args)),
  text: (...args) => wan(said(...args)),
};

/** A TCP handshake; `outside` is the client as the server sees it. */
export function handshake(client: string, outside: string, server: string): PacketStep[] {
  return [
    fromLan.tcp(client, server, "S", { seq: 1000 }),
    fromWan.tcp(server, outside, "SA", { seq: 9000, ack: 1001 }),
    fromLan.tcp(client, server, "A", { seq: 1001, ack: 9001 }),
  ];
}
