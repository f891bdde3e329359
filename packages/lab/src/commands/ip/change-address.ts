/** `ip address add` and `delete`. */
import { type Cidr, type Cidr6, type NetDevice, RT_SCOPE_HOST } from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { AddressFamily } from "./family.js";
import type { IpOptions } from "./options.js";
import { scopeOf } from "./scope.js";
import { begins, deviceOf, EVERY, IpError, netlink, type Words } from "./words.js";

const wildcardWarning = (text: string): string =>
  `Warning: Executing wildcard deletion to stay compatible with old scripts.
         Explicitly specify the prefix length (${text}/32) to avoid this warning.
         This special behaviour is likely to disappear in further releases,
         fix your scripts!
`;

function changeAddress(context: LabContext, options: IpOptions, words: Words, command: "add" | "del"): number {
  const { net } = context;
  const addresses = new AddressFamily(options);
  let device: NetDevice | null = null;
  let deviceName: string | null = null;
  let local: Cidr | Cidr6 | null = null;
  let localText = "";
  let nameless = false;
  let broadcastNameless = false;
  let peer: Cidr | Cidr6 | null = null;
  let broadcast: number | Int32Array | "+" | null = null;
  let scope: number | null = null;
  let label: string | null = null;
  while (!words.done) {
    if (words.take("dev")) deviceName = words.next();
    else if (words.take("peer", "remote")) {
      const text = words.next();
      peer = addresses.prefix(text);
      nameless ||= text === "any" || text === "all";
    } else if (words.take("broadcast", "brd")) {
      const text = words.next();
      broadcast = text === "+" ? "+" : text === "-" ? 0 : addresses.address(text);
      broadcastNameless = broadcast === null;
    } else if (words.take("scope")) scope = scopeOf(words.next(), "invalid scope value.");
    else if (words.take("label")) label = words.next();
    else if (words.take("nodad")) continue;
    else if (words.take("valid_lft", "preferred_lft"))
      throw new IpError("ip address: lifetimes are not supported by the lab", 255);
    else if (words.take("metric") || begins(words.peek() ?? "", "priority", "preference"))
      throw new IpError("ip address: a metric is not supported by the lab", 255);
    else if (words.take("noprefixroute", "home", "mngtmpaddr", "autojoin"))
      throw new IpError("ip address: flags of an address are not supported by the lab", 255);
    else {
      words.take("local");
      const text = words.next();
      if (local !== null && !EVERY.includes(localText))
        throw new IpError(`Error: either "local" is duplicate, or "${text}" is a garbage.`, 255);
      local = addresses.prefix(text);
      localText = text;
      nameless ||= EVERY.includes(text);
    }
  }
  if (deviceName === null) throw new IpError('Not enough information: "dev" argument is required.', 1);
  // Without a prefix length the tool leaves it to the kernel, which takes the first address that is like it.
  const wildcard =
    command === "del" && local !== null && peer === null && addresses.known !== 6 && !/\/|^[a-z]/.test(localText);
  if (addresses.known !== 4 && (broadcast === "+" || broadcast === 0))
    throw new IpError("Broadcast can be set only for IPv4 addresses", 1);
  if (wildcard) context.stderr.write(wildcardWarning(localText));
  device = deviceOf(net, deviceName);
  // An address of no length, which the kernel sees; of no family, there is nobody whom it could ask.
  if ((nameless && addresses.known !== null) || (broadcastNameless && addresses.known === 4))
    throw new IpError("Error: Attribute failed policy validation.", 2);
  if (local === null || EVERY.includes(localText)) throw new IpError("RTNETLINK answers: Operation not supported", 2);
  if (typeof local.address !== "number") {
    changeAddress6(context, device, local as Cidr6, peer as Cidr6 | null, command);
    return 0;
  }
  const target = device;
  const { address } = local;
  // A peer of no length leaves the address's.
  const prefixLength = peer?.prefixLength || local.prefixLength;
  const hostBits = prefixLength >= 31 ? 0 : 2 ** (32 - prefixLength) - 1;
  const request = {
    local: address,
    prefixLength,
    // They are of the address's family.
    ...(peer === null ? {} : { peer: peer.address as number }),
    ...(broadcast === null
      ? {}
      : { broadcast: broadcast === "+" ? (address | hostBits) >>> 0 : (broadcast as number) }),
    ...(scope === null ? (address >>> 24 === 127 ? { scope: RT_SCOPE_HOST } : {}) : { scope }),
    ...(label === null ? {} : { label }),
  };
  const like = wildcard ? net.ip.addresses(target).find((each) => each.local === request.local) : undefined;
  const deleted = like === undefined ? request : { ...request, prefixLength: like.prefixLength, peer: like.peer };
  netlink(() => (command === "add" ? net.ip.addAddress(target, request) : net.ip.deleteAddress(target, deleted)));
  return 0;
}

/** The same of IPv6. */
function changeAddress6(
  context: LabContext,
  device: NetDevice,
  { address, prefixLength: length }: Cidr6,
  peer: Cidr6 | null,
  command: "add" | "del",
): void {
  const { ip6 } = context.net;
  // That of the peer goes before; a peer of no length leaves it.
  const prefixLength = peer === null || peer.prefixLength === 0 ? length : peer.prefixLength;
  netlink(() =>
    command === "add"
      ? ip6.addAddress(device, address, prefixLength, peer?.address ?? null)
      : ip6.deleteAddress(device, address, prefixLength),
  );
}

export const addAddress = (context: LabContext, options: IpOptions, words: Words): number =>
  changeAddress(context, options, words, "add");

export const deleteAddress = (context: LabContext, options: IpOptions, words: Words): number =>
  changeAddress(context, options, words, "del");
