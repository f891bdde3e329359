/**
 * `bridge link` and `bridge fdb` of iproute2 6.1: the ports of bridges, and where they saw which addresses. Of the
 * forwarding table only unicast addresses are shown. The older tools `brctl` and `ebtables` are not supported.
 */
import type { NetDevice } from "@netfilter-lab/engine";
import { BridgeDevice } from "@netfilter-lab/engine/parts";
import type { LabCommand, LabContext } from "../environment.js";
import { flagText, fullName } from "./ip/device-text.js";
import { macText } from "./ip/words.js";

const USAGE = `Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }
       bridge [ -force ] -batch filename
where  OBJECT := { link | fdb | mdb | vlan | monitor }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] |
                    -o[neline] | -t[imestamp] | -n[etns] name |
                    -c[ompressvlans] -color -p[retty] -j[son] }
`;

const OBJECTS: readonly string[] = ["link", "fdb", "mdb", "vlan", "monitor", "vni", "help"];

function refuse({ stderr }: LabContext, words: string): number {
  stderr.write(`bridge ${words}: not supported by the lab\n`);
  return 255;
}

/** `show [ dev DEV ] [ br BRIDGE | master BRIDGE ]`; null for other words. */
function shown(words: readonly string[]): { readonly dev: string | null; readonly bridge: string | null } | null {
  let at = ["show", "list", "lst"].includes(words[0] ?? "show") ? 1 : 0;
  let dev: string | null = null;
  let bridge: string | null = null;
  for (; at < words.length; at += 2) {
    if (words[at + 1] === undefined) return null;
    if (words[at] === "dev" || words[at] === "brport") dev = words[at + 1];
    else if (words[at] === "br" || words[at] === "master") bridge = words[at + 1];
    else return null;
  }
  return { dev, bridge };
}

export const bridge: LabCommand = (context) => {
  const { args, net, stdout, stderr } = context;
  const [word, ...rest] = args;
  if (word === undefined) {
    stderr.write(USAGE);
    return 255;
  }
  if (word.startsWith("-")) return refuse(context, word);
  const object = OBJECTS.find((name) => name.startsWith(word));
  if (object === undefined) {
    stderr.write(`Object "${word}" is unknown, try "bridge help".\n`);
    return 255;
  }
  const asked = object === "link" || object === "fdb" ? shown(rest) : null;
  if (asked === null) return refuse(context, args.join(" "));
  for (const name of [asked.dev, asked.bridge])
    if (name !== null && !net.devices.has(name)) {
      stderr.write(`Cannot find ${name === asked.dev ? "device" : "bridge device"} "${name}"\n`);
      return 1;
    }
  const ports = [...net.devices.values()].filter(
    (dev) =>
      dev.master !== null &&
      (asked.dev === null || dev.name === asked.dev) &&
      (asked.bridge === null || dev.master.name === asked.bridge),
  );
  for (const port of ports)
    for (const line of object === "link" ? [linkLine(port)] : fdbLines(port, asked.dev === null))
      stdout.write(`${line}\n`);
  return 0;
};

/** The bridge of a port. */
function bridgeOf(port: NetDevice): BridgeDevice {
  if (!(port.master instanceof BridgeDevice)) throw new Error(`${port.name} is no port`);
  return port.master;
}

/**
 * A port as `bridge` names it: it looks the other end's number up among this host's own devices, wherever that end is.
 */
function portName(port: NetDevice): string {
  const other = port.other;
  if (other === null || other.net === port.net) return fullName(port);
  if (other.ifindex === port.ifindex) return port.name;
  const namesake = [...port.net.devices.values()].find((dev) => dev.ifindex === other.ifindex);
  return `${port.name}@${namesake?.name ?? `if${other.ifindex}`}`;
}

function linkLine(port: NetDevice): string {
  const state = port.running && bridgeOf(port).up ? "forwarding" : "disabled";
  return `${port.ifindex}: ${portName(port)}: ${flagText(port)} mtu ${port.mtu} master ${bridgeOf(port).name} state ${state} priority 32 cost 2 `;
}

function fdbLines(port: NetDevice, named: boolean): string[] {
  const where = `${named ? `dev ${port.name} ` : ""}master ${bridgeOf(port).name} `;
  const learned = bridgeOf(port)
    .fdb()
    .filter((entry) => entry.port === port)
    .map(({ mac }) => `${macText(mac)} ${where}`);
  return port.mac === null ? learned : [...learned, `${macText(port.mac)} ${where}permanent`];
}

/** The tools that came before, by name. */
export const brctl: LabCommand = ({ stderr }) => {
  stderr.write("brctl: not supported by the lab; `ip link` and `bridge` do what it did\n");
  return 1;
};

export const ebtables: LabCommand = ({ stderr }) => {
  stderr.write("ebtables: not supported by the lab\n");
  return 1;
};
