/** `ip link set`: what changes a device, or all of a group. Models `iplink_modify()` for RTM_SETLINK. */
import { EOPNOTSUPP, IFF_MULTICAST, type NetDevice, SystemError } from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { groupOf } from "./names.js";
import type { IpOptions } from "./options.js";
import { masterOf } from "./selection.js";
import { deviceOf, IpError, integerOf, macOf, netlink, oneDevice, type Words, wrongArgument } from "./words.js";

export function setLink(context: LabContext, _options: IpOptions, words: Words): number {
  const { net } = context;
  let device: string | null = null;
  const changes: ((dev: NetDevice) => void)[] = [];
  const given = new Set<string>();
  const once = (name: string): string => {
    const text = words.next();
    if (given.has(name)) throw new IpError(`Error: duplicate "${name}": "${text}" is the second value.`, 255);
    given.add(name);
    return text;
  };
  const integer = (name: string): number => integerOf(once(name), `Invalid "${name}" value\n`);
  let group: number | null = null;
  while (!words.done) {
    const word = words.next();
    if (word === "up") changes.push((dev) => net.ip.setUp(dev));
    else if (word === "down") changes.push((dev) => net.ip.setDown(dev));
    else if (word === "mtu") {
      const mtu = integer("mtu");
      changes.push((dev) => net.ip.setMtu(dev, mtu));
    } else if (word === "address") {
      const mac = macOf(words.next());
      changes.push((dev) => {
        dev.mac = mac;
        if (dev.bridge !== null) dev.bridge.addressChosen = true;
      });
    } else if (word === "txqueuelen" || word === "qlen") {
      const length = integer("txqueuelen");
      changes.push((dev) => {
        dev.txQueueLength = length;
      });
    } else if (word === "master") {
      const master = masterOf(net, words.next());
      changes.push((dev) => {
        if (master.bridge === null) throw new SystemError(EOPNOTSUPP);
        master.bridge.addPort(dev);
      });
    } else if (word === "multicast") {
      const text = words.next();
      if (text !== "on" && text !== "off")
        throw new IpError(`Error: argument of "multicast" must be "on" or "off", not "${text}"`, 1);
      changes.push((dev) => {
        dev.kindFlags = text === "on" ? dev.kindFlags | IFF_MULTICAST : dev.kindFlags & ~IFF_MULTICAST;
      });
    } else if (word === "group") group = groupOf(once("group"), 'Invalid "group" value\n');
    else if (word === "nomaster") changes.push((dev) => dev.master?.removePort(dev));
    else if (["netns", "name", "alias", "promisc", "arp", "vf", "xdp"].includes(word))
      throw new IpError(`ip link set ${word}: not supported by the lab`, 255);
    else {
      device = oneDevice(device, word === "dev" ? words.next() : word);
      if (/^$|[/\s]/.test(device)) throw wrongArgument(device, '"dev" not a valid ifname');
    }
  }
  if (device === null && group === null) throw new IpError('Not enough information: "dev" argument is required.', 255);
  // Without a device, a group says which are meant; with one, which it is to be of.
  const targets =
    device === null ? [...net.devices.values()].filter((dev) => dev.group === group) : [deviceOf(net, device)];
  for (const target of targets) {
    for (const change of changes) netlink(() => change(target));
    if (device !== null && group !== null) {
      target.group = group;
      // Rules may ask for it.
      net.ip.fib.invalidate();
    }
  }
  return 0;
}
