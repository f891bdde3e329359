/** What `-m addrtype` asks of an address, of each family. Models net/netfilter/xt_addrtype.c. */
import type { NetDevice } from "../dev/device.js";
import { RTN_ANYCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST, RTN_UNREACHABLE } from "../ip/route.js";
import { isMulticast6, isUnspecified, readInto } from "../ip6/address.js";
import type { NetNamespace } from "../netns.js";
import { equalIPv6 } from "../wire/address.js";
import { get32 } from "../wire/bytes.js";
import type { XtFamily } from "./extension.js";
import { addressOffset } from "./ip-header.js";

/** Whether the source or destination address of a packet is of one of some types (bits `1 << RTN_*`). */
export type AddressTypeTest = (
  net: NetNamespace,
  data: Uint8Array,
  source: boolean,
  device: NetDevice | null,
  types: number,
) => boolean;

const bit = (type: number): number => 1 << type;
const UNSPEC = 1;
/** Types that take a route to know. */
const ROUTED: number = bit(RTN_LOCAL) | bit(RTN_ANYCAST) | bit(RTN_UNREACHABLE);

const scratch = new Int32Array(4);

/**
 * Whether an address is unicast: neither of a group, nor none, nor one of IPv4 in disguise. Models `ipv6_addr_type()`.
 */
function isUnicast6(words: Int32Array): boolean {
  const mapped = words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
  return !isMulticast6(words) && !isUnspecified(words) && !mapped;
}

/** The types that a route to an address gives it. Models match_lookup_rt6(). */
function routedTypes({ ip6 }: NetNamespace, words: Int32Array, device: NetDevice | null, types: number): number {
  let found = 0;
  if (device !== null && types & bit(RTN_LOCAL)) {
    const local = ip6.fib.lookupLocal(words);
    if (local !== null && local.dev === device) found = bit(RTN_LOCAL);
  }
  const route = ip6.route(words, device);
  if (route.error !== 0) return bit(RTN_UNREACHABLE);
  if (device === null && route.type === RTN_LOCAL) found |= bit(RTN_LOCAL);
  const subnetRouter = route.prefixLength < 127 && route.gateway === null && equalIPv6(route.dst, words);
  if (route.type === RTN_ANYCAST || subnetRouter) found |= bit(RTN_ANYCAST);
  return found;
}

/** Models match_type6(). */
const isOfTypes6: AddressTypeTest = (net, data, source, device, types) => {
  readInto(scratch, data, addressOffset("ipv6", source));
  if (types & bit(RTN_MULTICAST) && !isMulticast6(scratch)) return false;
  if (types & bit(RTN_UNICAST) && !isUnicast6(scratch)) return false;
  if (types & UNSPEC && !isUnspecified(scratch)) return false;
  return (types & ROUTED) === 0 || (types & routedTypes(net, scratch, device, types)) !== 0;
};

/** Models match_type(). */
const isOfTypes4: AddressTypeTest = ({ ip }, data, source, device, types) => {
  const address = get32(data, addressOffset("ipv4", source));
  return (types & bit(device === null ? ip.addressType(address) : ip.addressType(address, device))) !== 0;
};

export function addressTypeTest(family: XtFamily): AddressTypeTest {
  return family === "ipv6" ? isOfTypes6 : isOfTypes4;
}
