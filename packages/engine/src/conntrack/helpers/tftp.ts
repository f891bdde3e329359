/**
 * TFTP (RFC 1350): the server answers a request from another port, so the client's port must be open to any port of the
 * server. Models net/netfilter/nf_conntrack_tftp.c.
 */
import { NF_ACCEPT, NF_DROP, type Verdict } from "../../hooks.js";
import { IP_CT_DIR_REPLY, type SkBuff } from "../../skb.js";
import { get16 } from "../../wire/bytes.js";
import { IPPROTO_UDP } from "../../wire/ipv4.js";
import { UDP_HEADER_LENGTH } from "../../wire/udp.js";
import type { Conntrack } from "../conntrack.js";
import { addressOf, Expectation, expectTuple } from "../expect.js";
import { type CtHandle, IPS_DST_NAT, IPS_SRC_NAT } from "../status.js";
import { BOTH_FAMILIES, type ConntrackHelper } from "./helper.js";

const TFTP_OPCODE_READ = 1;
const TFTP_OPCODE_WRITE = 2;

export const tftpHelper: ConntrackHelper = {
  name: "tftp",
  families: BOTH_FAMILIES,
  protonum: IPPROTO_UDP,
  policies: [{ name: "", maxExpected: 1, timeoutSeconds: 300 }],
  help(ct: Conntrack, skb: SkBuff, protoff: number, entry: CtHandle): Verdict {
    const at = protoff + UDP_HEADER_LENGTH;
    if (skb.len < at + 2) return NF_ACCEPT;
    const opcode = get16(skb.data, at);
    if (opcode !== TFTP_OPCODE_READ && opcode !== TFTP_OPCODE_WRITE) return NF_ACCEPT;
    const expectation = new Expectation(entry, 0, tftpHelper);
    expectTuple(
      expectation,
      ct.l3numOf(entry),
      IPPROTO_UDP,
      { address: addressOf(ct, entry, IP_CT_DIR_REPLY, "src"), port: null },
      { address: addressOf(ct, entry, IP_CT_DIR_REPLY, "dst"), port: ct.dportOf(entry, IP_CT_DIR_REPLY) },
    );
    if (ct.natHelper !== null && ct.statusOf(entry) & (IPS_SRC_NAT | IPS_DST_NAT))
      return ct.natHelper.tftp(expectation);
    return ct.helpers.expectations.related(expectation) === null ? NF_ACCEPT : NF_DROP;
  },
};
