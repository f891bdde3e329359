/** What the kinds of policy routing say in either family: rules, next hops, questions, and marks that chains set. */
import type { Choice } from "../choice.js";

/** A family's addresses, and the words that only one of the two has a use for. */
export interface RoutingWords {
  /** The command, before its object. */
  readonly ip: "ip" | "ip -6";
  readonly prefixes: readonly string[];
  /** Whom `ip route get` asks about, and as whom. */
  readonly targets: readonly string[];
  readonly sources: readonly string[];
  readonly nexthops: readonly string[];
  readonly icmp: string;
  /** Lengths that `suppress_prefixlength` names. */
  readonly lengths: readonly number[];
  /** What chains mark by. */
  readonly marked: readonly string[];
}

export const TABLES: readonly string[] = ["100", "101", "main", "default", "local", "0x66"];
export const DEVICE_NAMES: readonly string[] = ["lan0", "wan0", "wan1", "lo"];
const GROUPS = ["default", "5", "0x10"];

function selector(choice: Choice, words: RoutingWords): string {
  return choice.pick([
    () => `from ${choice.pick(words.prefixes)}`,
    () => `to ${choice.pick(words.prefixes)}`,
    () => `iif ${choice.pick([...DEVICE_NAMES, "nosuch0"])}`,
    () => `oif ${choice.pick(DEVICE_NAMES)}`,
    () => `fwmark ${choice.pick(["0", "1", "2", "3", "0x10", "1/1", "0x2/0xff", "0/1", "3/0"])}`,
    () => `tos ${choice.pick(["0x10", "0x08", "4", "0x1c", "0", "0x20", "0xb8", "0x03"])}`,
    () => `dport ${choice.pick(["80", "53", "1-1023", "1024-65000", "0"])}`,
    () => `sport ${choice.pick(["80", "1000", "1000-2000"])}`,
    () => `ipproto ${choice.pick(["tcp", "udp", words.icmp, "17"])}`,
  ])();
}

function action(choice: Choice, words: RoutingWords): string {
  return choice.pick([
    () => `table ${choice.pick(TABLES)}`,
    () => `lookup ${choice.pick(TABLES)}`,
    () => `lookup ${choice.pick(TABLES)} suppress_prefixlength ${choice.pick(words.lengths)}`,
    () => `lookup main suppress_ifgroup ${choice.pick(GROUPS)}`,
    () => `goto ${choice.pick([40, 60, 32766, 32767])}`,
    () => "nop",
    () => "blackhole",
    () => "unreachable",
    () => "prohibit",
    () => "",
  ])();
}

export function rule(choice: Choice, words: RoutingWords): string {
  const selectors = choice.times(choice.between(0, 2), () => selector(choice, words));
  const priority = choice.oneIn(3) ? `pref ${choice.pick([1, 10, 20, 40, 50, 60, 40000])}` : "";
  return [`${words.ip} rule add`, choice.oneIn(8) ? "not" : "", ...selectors, action(choice, words), priority]
    .filter((word) => word !== "")
    .join(" ");
}

export function ruleCommand(choice: Choice, words: RoutingWords): string {
  const { ip } = words;
  return choice.pick([
    () => rule(choice, words),
    () => rule(choice, words),
    () => `${ip} rule del ${selector(choice, words)}`,
    () => `${ip} rule del pref ${choice.pick([0, 10, 40, 60, 32766])}`,
    () => `${ip} rule del ${action(choice, words) || "table main"}`,
    () =>
      `${ip} rule list ${choice.pick([() => "", () => selector(choice, words), () => `table ${choice.pick(TABLES)}`])()}`,
    () => `${ip} rule flush`,
    () => `${ip} rule flush table ${choice.pick(TABLES)}`,
    () => `ip link set ${choice.pick(DEVICE_NAMES)} group ${choice.pick(GROUPS)}`,
  ])();
}

/** Several ways at once, each with its share. */
export function nexthops(choice: Choice, words: RoutingWords): string {
  return choice
    .times(choice.between(1, 3), () => {
      const weight = choice.oneIn(2) ? ` weight ${choice.pick([1, 2, 3, 100, 256])}` : "";
      return `nexthop ${choice.pick(words.nexthops)}${weight}`;
    })
    .join(" ");
}

/** `ip route get`. */
export function question(choice: Choice, words: RoutingWords): string {
  const from = choice.oneIn(2) ? ` from ${choice.pick(words.sources)}` : "";
  const iif = choice.oneIn(2) ? ` iif ${choice.pick(["lan0", "wan0", "wan1"])}` : "";
  const mark = choice.oneIn(3) ? ` mark ${choice.pick(["1", "2", "0x10"])}` : "";
  const tos = choice.oneIn(5) ? ` tos ${choice.pick(["0x10", "0x08"])}` : "";
  const oif = iif === "" && choice.oneIn(4) ? ` oif ${choice.pick(["lan0", "wan0", "wan1"])}` : "";
  return `${words.ip} route get ${choice.pick(words.targets)}${from}${iif}${mark}${tos}${oif}`;
}

export function marking(choice: Choice, tool: string, words: RoutingWords): string {
  const what = choice.pick(["-p tcp", "-p udp", `-p ${words.icmp}`, ...words.marked, "-m conntrack --ctstate NEW"]);
  const chain = choice.pick(["PREROUTING", "OUTPUT", "OUTPUT", "PREROUTING", "FORWARD"]);
  const target = choice.pick([
    "MARK --set-mark 1",
    "MARK --set-mark 2",
    "MARK --set-xmark 0x10/0x10",
    "TOS --set-tos 0x10/0xff",
    "CONNMARK --restore-mark",
    "CONNMARK --save-mark",
  ]);
  return `${tool} -t mangle -A ${chain} ${what} -j ${target}`;
}
