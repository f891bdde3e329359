/** `ip address add`, `replace` and `delete`. */
import {
  type AddressOptions,
  type Cidr,
  type Cidr6,
  IFA_F_DEPRECATED,
  type NetDevice,
  RT_SCOPE_HOST,
} from "@netfilter-lab/engine";
import type { LabContext } from "../../environment.js";
import { IFA_F_MCAUTOJOIN, settableFlag } from "./address-flags.js";
import { AddressFamily } from "./family.js";
import type { IpOptions } from "./options.js";
import { scopeOf } from "./scope.js";
import { begins, deviceOf, EVERY, IpError, netlink, numberOf, type Words } from "./words.js";

const wildcardWarning = (text: string): string =>
  `Warning: Executing wildcard deletion to stay compatible with old scripts.
         Explicitly specify the prefix length (${text}/32) to avoid this warning.
         This special behaviour is likely to disappear in further releases,
         fix your scripts!
`;

const FOREVER = 0xffffffff;

/** A lifetime in seconds. Models `set_lifetime()`. */
const lifetimeOf = (word: string, name: string): number =>
  word === "forever" ? FOREVER : numberOf(word, `${name} value`);

type Command = "add" | "replace" | "del";

function changeAddress(context: LabContext, options: IpOptions, words: Words, command: Command): number {
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
  let metric = 0;
  let flags = 0;
  const lifetimes: Record<string, number | undefined> = {};
  const warn = (text: string): void => {
    context.stderr.write(`${text}\n`);
  };
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
    else if (begins(words.peek() ?? "", "metric", "priority", "preference")) {
      words.next();
      metric = numberOf(words.next(), '"metric" value is invalid\n');
    } else if (words.peek() === "valid_lft" || words.peek() === "preferred_lft") {
      const name = words.next();
      if (lifetimes[name] !== undefined)
        throw new IpError(`Error: duplicate "${name}": "${name}" is the second value.`, 255);
      lifetimes[name] = lifetimeOf(words.next(), name);
    } else {
      const flag = settableFlag(words.peek() ?? "", addresses.known, warn);
      if (flag !== undefined) {
        words.next();
        flags |= flag;
        continue;
      }
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
  const { valid_lft: valid = FOREVER, preferred_lft: preferred = FOREVER } = lifetimes;
  if (valid === 0) throw new IpError("valid_lft is zero", 1);
  if (valid < preferred) throw new IpError("preferred_lft is greater than valid_lft", 1);
  if ((flags & IFA_F_MCAUTOJOIN) !== 0) {
    if (local === null || !isGroup(local)) throw new IpError("autojoin needs multicast address", 1);
    throw new IpError("ip address: autojoin is not supported by the lab", 255);
  }
  if (command !== "del" && (valid !== FOREVER || (preferred !== 0 && preferred !== FOREVER)))
    throw new IpError("ip address: lifetimes that end are not supported by the lab", 255);
  const said = { flags: flags | (preferred === 0 ? IFA_F_DEPRECATED : 0), metric, replace: command === "replace" };
  // An address of no length, which the kernel sees; of no family, there is nobody whom it could ask.
  if ((nameless && addresses.known !== null) || (broadcastNameless && addresses.known === 4))
    throw new IpError("Error: Attribute failed policy validation.", 2);
  if (local === null || EVERY.includes(localText)) throw new IpError("RTNETLINK answers: Operation not supported", 2);
  if (typeof local.address !== "number") {
    changeAddress6(context, device, local as Cidr6, peer as Cidr6 | null, command === "del" ? null : said);
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
    ...said,
  };
  const like = wildcard ? net.ip.addresses(target).find((each) => each.local === request.local) : undefined;
  const deleted = like === undefined ? request : { ...request, prefixLength: like.prefixLength, peer: like.peer };
  netlink(() => (command === "del" ? net.ip.deleteAddress(target, deleted) : net.ip.addAddress(target, request)));
  return 0;
}

/** An IPv4 or IPv6 address to which groups listen. */
const isGroup = ({ address }: Cidr | Cidr6): boolean =>
  typeof address === "number" ? address >>> 28 === 0xe : address[0] >>> 24 === 0xff;

/** The same of IPv6; `said`: null for one that is deleted. */
function changeAddress6(
  context: LabContext,
  device: NetDevice,
  { address, prefixLength: length }: Cidr6,
  peer: Cidr6 | null,
  said: AddressOptions | null,
): void {
  const { ip6 } = context.net;
  // That of the peer goes before; a peer of no length leaves it.
  const prefixLength = peer === null || peer.prefixLength === 0 ? length : peer.prefixLength;
  netlink(() =>
    said === null
      ? ip6.deleteAddress(device, address, prefixLength)
      : ip6.addAddress(device, address, prefixLength, peer?.address ?? null, said),
  );
}

export const addAddress = (context: LabContext, options: IpOptions, words: Words): number =>
  changeAddress(context, options, words, "add");

export const replaceAddress = (context: LabContext, options: IpOptions, words: Words): number =>
  changeAddress(context, options, words, "replace");

export const deleteAddress = (context: LabContext, options: IpOptions, words: Words): number =>
  changeAddress(context, options, words, "del");
