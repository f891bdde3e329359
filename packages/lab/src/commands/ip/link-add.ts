/**
 * `ip link add` and `ip link del`: bridges and veth pairs of one host. Other kinds of devices, options of a bridge and
 * ends in other hosts are not supported: cables between hosts are made by Lab.create.
 */
import {
  createVethPair,
  EEXIST,
  EOPNOTSUPP,
  type NetDevice,
  type NetNamespace,
  PairDevice,
  SystemError,
} from "@netfilter-lab/engine";
import { BridgeDevice } from "@netfilter-lab/engine/parts";
import type { LabContext } from "../../environment.js";
import type { IpOptions } from "./options.js";
import { deviceOf, IpError, integerOf, macOf, netlink, type Words, wrongArgument } from "./words.js";

/** Kinds that Linux has besides. Another word is no kind at all. */
const OTHER_KINDS: ReadonlySet<string> = new Set(
  "amt bareudp bond can dsa dummy erspan geneve gre gretap gtp hsr ifb ip6erspan ip6gre ip6gretap ip6tnl ipip ipoib ipvlan ipvtap lowpan macsec macvlan macvtap netdevsim nlmon rmnet sit vcan vlan vrf vti vxcan vxlan wireguard wwan xfrm".split(
    " ",
  ),
);

/** What is said of a device to be made. */
interface NewDevice {
  name: string | null;
  mac: Uint8Array | null;
  mtu: number | null;
}

/** Takes a word that both ends of a pair may have. */
function common(word: string, words: Words, device: NewDevice): boolean {
  if (word === "address") device.mac = macOf(words.next());
  else if (word === "mtu") device.mtu = integerOf(words.next(), 'Invalid "mtu" value\n');
  else if (
    [
      "netns",
      "txqueuelen",
      "qlen",
      "numtxqueues",
      "numrxqueues",
      "up",
      "down",
      "link",
      "index",
      "group",
      "master",
    ].includes(word)
  )
    throw new IpError(`ip link add: ${word}: not supported by the lab`, 255);
  else {
    const name = word === "name" || word === "dev" ? words.next() : word;
    if (!/^[^/\s]{1,15}$/.test(name)) throw wrongArgument(name, '"name" not a valid ifname');
    if (device.name !== null) return false;
    device.name = name;
  }
  return true;
}

/** The first name of a kind that is free. Models `dev_alloc_name()`. */
function freeName(net: NetNamespace, kind: string): string {
  let number = 0;
  while (net.devices.has(`${kind}${number}`)) number++;
  return `${kind}${number}`;
}

function finish(net: NetNamespace, device: NetDevice, { mac, mtu }: NewDevice): void {
  if (mac !== null) {
    device.mac = mac;
    if (device instanceof BridgeDevice) device.addressChosen = true;
  }
  if (mtu !== null) net.ip.setMtu(device, mtu);
}

/** Models `iplink_modify()` for RTM_NEWLINK. */
export function addLink({ net }: LabContext, _options: IpOptions, words: Words): number {
  const device: NewDevice = { name: null, mac: null, mtu: null };
  const peer: NewDevice = { name: null, mac: null, mtu: null };
  let kind: string | null = null;
  while (!words.done && kind === null) {
    const word = words.next();
    if (word === "type") kind = words.next();
    else if (!common(word, words, device))
      throw new IpError(`Error: either "dev" is duplicate, or "${word}" is a garbage.`, 255);
  }
  if (kind === null) throw new IpError('Not enough information: "type" argument is required', 1);
  if (kind === "bridge") {
    if (!words.done) throw new IpError(`ip link add: ${words.next()}: not supported by the lab`, 255);
    netlink(() => finish(net, new BridgeDevice(net, device.name ?? freeName(net, "bridge")), device));
    return 0;
  }
  if (kind === "veth") {
    while (!words.done) {
      const word = words.next();
      if (word !== "peer" && !common(word, words, peer))
        throw new IpError(`Error: either "dev" is duplicate, or "${word}" is a garbage.`, 255);
    }
    netlink(() => {
      const name = device.name ?? freeName(net, "veth");
      const other = peer.name ?? (name === freeName(net, "veth") ? "veth1" : freeName(net, "veth"));
      if (net.devices.has(name) || net.devices.has(other) || name === other) throw new SystemError(EEXIST);
      // The far end is made first, and has the lower number. Within a host a frame takes no time.
      const [far, near] = createVethPair({ net, name: other, latencyMicros: 0 }, { net, name, latencyMicros: 0 });
      finish(net, near, device);
      finish(net, far, peer);
    });
    return 0;
  }
  if (OTHER_KINDS.has(kind)) throw new IpError(`ip link add type ${kind}: not supported by the lab`, 255);
  throw new IpError("Error: Unknown device type.", 2);
}

/** Any device but the loopback; of a veth pair both ends. Cables between hosts stay. */
export function deleteLink({ net }: LabContext, _options: IpOptions, words: Words): number {
  let name: string | null = null;
  while (!words.done) {
    const word = words.next();
    if (word === "type") words.next();
    else name = word === "dev" ? words.next() : word;
  }
  if (name === null) throw new IpError('Not enough information: "dev" argument is required.', 255);
  const device = deviceOf(net, name);
  if (device instanceof PairDevice && device.peer !== null && device.peer.net !== net)
    throw new IpError("ip link del of a cable to another host: not supported by the lab", 255);
  netlink(() => {
    if (device instanceof BridgeDevice) for (const port of device.ports.slice()) device.removePort(port);
    else if (device === net.loopback) throw new SystemError(EOPNOTSUPP);
    else if (device instanceof PairDevice && device.peer !== null) net.removeDevice(device.peer);
    net.removeDevice(device);
  });
  return 0;
}
