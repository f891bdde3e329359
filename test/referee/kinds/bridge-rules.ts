/**
 * Bridged frames of both families under every match and target that a rule may have, with errors about them, and ports,
 * switches and entries that change meanwhile.
 */
import type { Choice } from "../choice.js";
import { icmp } from "../packets.js";
import { icmp6 } from "../packets6.js";
import type { Step } from "../scenario.js";
import { BRIDGE_4, BRIDGE_6, type BridgeFamily, bridgeSetup } from "./bridge.js";
import { type Between, inFragments, rules, whole } from "./bridges.js";
import { connectionMatch, extensionMatch, mangleTarget, placedMatch } from "./extension-rules.js";
import { connectionMatch6, extensionMatch6, mangleTarget6 } from "./extension-rules6.js";
import { closing, type Kind, lan, loaded, wan } from "./router.js";
import { setRule, setsOf } from "./sets.js";

const CHAINS: Readonly<Record<string, readonly string[]>> = {
  raw: ["PREROUTING"],
  mangle: ["PREROUTING", "INPUT", "FORWARD", "POSTROUTING"],
  filter: ["INPUT", "FORWARD"],
};

/** Which way a frame goes, as far as a hook knows. */
function bridged(choice: Choice, chain: string): string {
  if (chain === "POSTROUTING")
    return choice.pick(["-o br0 -m physdev --physdev-is-bridged", "-m physdev --physdev-out p1", "-o br0"]);
  return choice.pick(["-i br0", "-i br0 -m physdev --physdev-in p0", "-m physdev ! --physdev-in p0 --physdev-is-in"]);
}

function rule(choice: Choice, tool: string, v6: boolean): string {
  const table = choice.pick(["raw", "mangle", "mangle", "filter", "filter"]);
  const chain = choice.pick(CHAINS[table]);
  const words = [tool, "-t", table, "-A", chain, bridged(choice, chain)];
  if (table === "mangle" && choice.oneIn(2)) words.push((v6 ? mangleTarget6 : mangleTarget)(choice, chain));
  else if (choice.oneIn(4)) words.push(setRule(choice, table, setsOf(v6)));
  else {
    const placed = !v6 && choice.oneIn(6) ? placedMatch(choice, table, chain) : null;
    if (placed !== null) words.push(placed);
    else if (table !== "raw" && choice.oneIn(4)) words.push((v6 ? connectionMatch6 : connectionMatch)(choice));
    else words.push(v6 ? extensionMatch6(choice, chain) : extensionMatch(choice));
    if (choice.oneIn(5)) words.push(choice.pick(["-j DROP", "-j ACCEPT"]));
  }
  return words.join(" ");
}

/** An error about a packet that went the other way. */
function errorAbout(choice: Choice, { src, dst }: Between, packet: Uint8Array, v6: boolean): Uint8Array {
  const payload = packet.slice(0, choice.pick([28, 48, 68, 500]));
  const rest = choice.pick([0, 1300, 1400]);
  if (v6) {
    const [type, code] = choice.pick([
      [1, 0],
      [1, 4],
      [2, 0],
      [3, 0],
    ]);
    return icmp6({ src, dst }, { type, code, rest, payload });
  }
  const [type, code] = choice.pick([
    [3, 1],
    [3, 3],
    [3, 4],
    [11, 0],
  ]);
  return icmp({ src, dst, id: 9 }, { type, code, rest, payload });
}

/** What somebody does to the bridge while frames cross it. */
function change(choice: Choice, family: BridgeFamily): string {
  const v6 = family === BRIDGE_6;
  const call = `net.bridge.bridge-nf-call-${v6 ? "ip6tables" : "iptables"}`;
  const port = `p${choice.below(3)}`;
  return choice.pick([
    `sysctl -w ${call}=${choice.below(2)}`,
    `sysctl -w ${call}=1`,
    `ip link set ${port} mtu ${choice.pick([1280, 1400, 1500])}`,
    `ip link set ${port} nomaster; sleep 0.1`,
    `ip link set ${port} master br0; sleep 0.1`,
    "conntrack -F",
    "conntrack -L",
  ]);
}

export const BRIDGE_RULES: Kind = {
  name: "bridge-rules",
  about: "bridged frames under every match and target, with errors about them, while ports and switches change",
  make(choice) {
    const family = choice.pick([BRIDGE_4, BRIDGE_6]);
    const v6 = family === BRIDGE_6;
    const tool = `${v6 ? "ip6tables" : "iptables"}${choice.pick(["-legacy", "-legacy", ""])}`;
    const changes = choice.oneIn(3);
    const steps: Step[] = [];
    const sent: { readonly ends: Between; readonly packet: Uint8Array; readonly client: boolean }[] = [];
    for (let i = choice.between(4, 40); i > 0; i--) {
      if (changes && choice.oneIn(8)) steps.push({ run: change(choice, family) });
      const last = sent.at(-1);
      if (last !== undefined && choice.oneIn(6)) {
        const back = { src: last.ends.dst, dst: choice.oneIn(3) ? family.alias : last.ends.src };
        const error = errorAbout(choice, last.client ? back : { ...back, dst: last.ends.src }, last.packet, v6);
        steps.push((last.client ? wan : lan)(error));
        continue;
      }
      const client = !choice.oneIn(3);
      const ends = client
        ? { src: family.client, dst: choice.pick([...family.servers, family.servers[0]]) }
        : { src: choice.pick([...family.servers]), dst: choice.pick([family.client, family.client, family.alias]) };
      const ports: readonly [number, number] = client
        ? [choice.pick([1000, 1001]), choice.pick([2000, 2001, 80])]
        : [choice.pick([2000, 2001, 53, 80]), choice.pick([1000, 1001])];
      const packets = choice.oneIn(6)
        ? inFragments(choice, ends, ports, v6, choice.pick([7, 100 + i]))
        : [whole(choice, ends, ports, v6)];
      if (packets.length > 0) sent.push({ ends, packet: packets[0], client });
      steps.push(...packets.map(client ? lan : wan));
    }
    const sets = setsOf(v6);
    const own = [...rules(choice, tool, family), ...choice.times(choice.between(3, 12), () => rule(choice, tool, v6))];
    const outside = choice.oneIn(6) ? [] : [`${tool} -t raw -A PREROUTING ! -i br0 -j CT --notrack`];
    const withSets = own.some((each) => each.includes("-set "));
    return {
      devices: family.devices,
      setup: [
        ...bridgeSetup(family, choice.oneIn(2)),
        ...(withSets
          ? [...sets.setup, `ipset add ways ${family.near},physdev:p0`, `ipset add ways ${family.far},physdev:p1`]
          : []),
        loaded(tool, [...outside, ...own]),
      ],
      steps,
      finally: [
        ...closing(tool),
        "bridge fdb show br br0 | grep -v -e self -e permanent",
        ...(withSets ? sets.finally : []),
      ],
    };
  },
};
