/**
 * NetBIOS names: this host asks a whole network by broadcast, and every host of it may answer, for three seconds.
 * Models net/netfilter/nf_conntrack_netbios_ns.c and nf_conntrack_broadcast.c.
 */
import { HZ } from "../../clock.js";
import { NF_ACCEPT, NFPROTO_IPV4, type Verdict } from "../../hooks.js";
import { RTN_BROADCAST } from "../../ip/route.js";
import { ctinfoDirection, IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY, type SkBuff } from "../../skb.js";
import { get32 } from "../../wire/bytes.js";
import { IPPROTO_UDP, IPV4_DST } from "../../wire/ipv4.js";
import type { Conntrack } from "../conntrack.js";
import { addressOf, Expectation, expectTuple, NF_CT_EXPECT_PERMANENT } from "../expect.js";
import type { CtHandle } from "../status.js";
import { TUPLE_SRC } from "../tuple.js";
import { type ConntrackHelper, IPV4_ONLY } from "./helper.js";

const NMBD_PORT = 137;
const TIMEOUT_SECONDS = 3;

/** The mask of the network that a local packet is broadcast to; 0 when it is none. */
function broadcastMask(skb: SkBuff): number {
  // Only what a socket of this host sent, to a network's broadcast address.
  if (skb.uid < 0 || skb.dst === null || skb.dst.type !== RTN_BROADCAST) return 0;
  const destination = get32(skb.data, IPV4_DST);
  const address = skb.dst.dev?.ipv4?.addresses.find((each) => !each.secondary && each.broadcast === destination);
  return address === undefined || address.prefixLength === 0 ? 0 : -1 << (32 - address.prefixLength);
}

export const netbiosNsHelper: ConntrackHelper = {
  name: "netbios-ns",
  families: IPV4_ONLY,
  protonum: IPPROTO_UDP,
  policies: [{ name: "", maxExpected: 1, timeoutSeconds: TIMEOUT_SECONDS }],
  help(ct: Conntrack, skb: SkBuff, _protoff: number, entry: CtHandle, ctinfo: number): Verdict {
    if (ctinfoDirection(ctinfo) !== IP_CT_DIR_ORIGINAL) return NF_ACCEPT;
    const mask = broadcastMask(skb);
    if (mask === 0) return NF_ACCEPT;
    const expectation = new Expectation(entry, 0, netbiosNsHelper);
    expectTuple(
      expectation,
      NFPROTO_IPV4,
      IPPROTO_UDP,
      { address: addressOf(ct, entry, IP_CT_DIR_REPLY, "src"), port: NMBD_PORT },
      { address: addressOf(ct, entry, IP_CT_DIR_REPLY, "dst"), port: ct.dportOf(entry, IP_CT_DIR_REPLY) },
    );
    expectation.mask[TUPLE_SRC] = mask;
    expectation.flags = NF_CT_EXPECT_PERMANENT;
    ct.helpers.expectations.related(expectation);
    ct.helpers.refresh(entry, TIMEOUT_SECONDS * HZ);
    return NF_ACCEPT;
  },
};
