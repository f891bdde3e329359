/** `ip neigh`: who answers for an address on a link. */
import {
  formatAddress,
  type InetAddress,
  type Neighbour,
  type NeighbourState,
  type NetDevice,
  sameAddress,
} from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { AddressFamily } from "./family.js";
import type { IpOptions } from "./options.js";
import { abbreviated, deviceOf, EVERY, IpError, macOf, macText, netlink, UsageError, type Words } from "./words.js";

const STATES: ReadonlyMap<string, NeighbourState> = new Map([
  ["permanent", "PERMANENT"],
  ["reachable", "REACHABLE"],
  ["stale", "STALE"],
  ["delay", "DELAY"],
  ["probe", "PROBE"],
  ["failed", "FAILED"],
  ["incomplete", "INCOMPLETE"],
  ["noarp", "NOARP"],
]);

function stateOf(text: string): NeighbourState {
  const known = STATES.get(text);
  if (known === undefined) throw new IpError(`Error: argument "${text}" is wrong: nud state is bad`, 255);
  return known;
}

const duplicate = (word: string, second: string): IpError =>
  new IpError(`Error: duplicate "${word}": "${second}" is the second value.`, 255);

/** The entries of both tables, or of one: ARP's first, as the kernel dumps them. */
function neighbours(
  context: LabContext,
  family: IpOptions["family"],
  dev: NetDevice | undefined,
): Neighbour<InetAddress>[] {
  const { ip, ip6 } = context.net;
  return [...(family === 6 ? [] : ip.neighbours(dev)), ...(family === 4 ? [] : ip6.neighbourTable.list(dev))];
}

function show(context: LabContext, options: IpOptions, words: Words): number {
  const addresses = new AddressFamily(options);
  let name: string | null = null;
  let to: InetAddress | null = null;
  let state: NeighbourState | null = null;
  while (!words.done) {
    if (words.take("dev")) {
      const text = words.next();
      if (name !== null) throw duplicate("dev", text);
      name = text;
    } else if (words.take("nud")) {
      const text = words.next();
      state = text === "all" ? null : stateOf(text);
    } else {
      words.take("to");
      const text = words.next();
      const { address } = addresses.prefix(text);
      to = EVERY.includes(text) ? null : address;
    }
  }
  const dev = name === null ? null : deviceOf(context.net, name);
  const now = context.net.clock.nowMicros;
  const seconds = (micros: number): number => Math.floor((now - micros) / 1_000_000);
  for (const neighbour of neighbours(context, options.family, dev ?? undefined)) {
    if (to !== null && !sameAddress(neighbour.address, to)) continue;
    if (state === null ? neighbour.state === "NOARP" || neighbour.state === "NONE" : neighbour.state !== state)
      continue;
    let text = `${formatAddress(neighbour.address)} `;
    if (dev === null) text += `dev ${neighbour.dev.name} `;
    if (neighbour.mac !== null) text += `lladdr ${macText(neighbour.mac)} `;
    if (neighbour.router) text += "router ";
    if (options.statistics > 0)
      text += ` used ${seconds(neighbour.usedMicros)}/${seconds(neighbour.confirmedMicros)}/${seconds(neighbour.updatedMicros)} `;
    context.stdout.write(`${text}${neighbour.state} \n`);
  }
  return 0;
}

export function ipNeighbour(context: LabContext, options: IpOptions, words: Words): number {
  const { net } = context;
  const word = words.peek();
  if (word === undefined) return show(context, options, words);
  const command = abbreviated(word, [
    "add",
    "change",
    "chg",
    "replace",
    "delete",
    "get",
    "show",
    "lst",
    "list",
    "flush",
    "help",
  ]);
  if (command === null) throw new IpError(`Command "${word}" is unknown, try "ip neigh help".`, 255);
  words.next();
  if (command === "show" || command === "lst" || command === "list") return show(context, options, words);
  if (command === "flush") {
    if (words.done) throw new IpError("Flush requires arguments.", 1);
    let dev: NetDevice | undefined;
    if (!words.take("all")) {
      words.take("dev");
      dev = deviceOf(net, words.next());
    }
    if (options.family !== 6) net.ip.flushNeighbours(dev);
    if (options.family !== 4) net.ip6.neighbourTable.flush(dev, false);
    return 0;
  }
  if (command === "help") throw new UsageError("neigh");
  if (command === "get") throw new IpError(`ip neigh ${command}: not supported by the lab`, 255);
  let address: InetAddress | null = null;
  let said = false;
  let name: string | null = null;
  let lladdr: string | null = null;
  let state: NeighbourState = "PERMANENT";
  while (!words.done) {
    if (words.take("lladdr")) {
      const text = words.next();
      if (lladdr !== null) throw duplicate("lladdr", text);
      lladdr = text;
    } else if (words.take("dev")) name = words.next();
    else if (words.take("nud")) state = stateOf(words.next());
    else {
      words.take("to");
      const text = words.next();
      if (said) throw new IpError(`Error: either "to" is duplicate, or "${text}" is a garbage.`, 255);
      said = true;
      address = new AddressFamily(options).address(text);
    }
  }
  if (name === null || address === null) throw new IpError("Device and destination are required arguments.", 255);
  const mac = lladdr === null ? null : macOf(lladdr);
  const dev = deviceOf(net, name);
  const device = dev;
  const target = address;
  if (command === "delete")
    netlink(() =>
      typeof target === "number"
        ? net.ip.deleteNeighbour(device, target)
        : net.ip6.neighbourTable.delete(device, target),
    );
  else {
    const there = neighbours(context, null, device).some((entry) => sameAddress(entry.address, target));
    if ((command === "change" || command === "chg") && !there)
      throw new IpError("RTNETLINK answers: No such file or directory", 2);
    if (mac === null) throw new IpError("RTNETLINK answers: Invalid argument", 2);
    if (command === "add" && there) throw new IpError("RTNETLINK answers: File exists", 2);
    netlink(() =>
      typeof target === "number"
        ? net.ip.setNeighbour(device, target, mac, state)
        : net.ip6.neighbourTable.set(device, target, mac, state),
    );
  }
  return 0;
}
