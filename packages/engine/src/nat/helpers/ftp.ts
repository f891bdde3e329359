/**
 * FTP's announcements under NAT: the address and port that the other side must call. Models net/netfilter/nf_nat_ftp.c.
 */
import { addressWords, type Expectation } from "../../conntrack/expect.js";
import type { Announced, FtpAnnouncement } from "../../conntrack/helpers/nat-hook.js";
import { NF_ACCEPT, NF_DROP, NFPROTO_IPV4, type NfProto, type Verdict } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { ctinfoDirection } from "../../skb.js";
import { formatIPv4, formatWholeIPv6 } from "../../wire/address.js";
import { expectAtPort, followMaster, mangleTcp } from "../helper.js";

/** How each command names an end. */
function announcement(type: FtpAnnouncement, family: NfProto, address: Int32Array, port: number): string {
  switch (type) {
    case "PORT":
    case "PASV":
      return `${formatIPv4(address[0]).replaceAll(".", ",")},${port >>> 8},${port & 0xff}`;
    case "EPRT":
      return family === NFPROTO_IPV4
        ? `|1|${formatIPv4(address[0])}|${port}|`
        : `|2|${formatWholeIPv6(address)}|${port}|`;
    case "EPSV":
      return `|||${port}|`;
  }
}

/** Models `nf_nat_ftp()`. */
export function natFtp(
  net: NetNamespace,
  announced: Announced,
  type: FtpAnnouncement,
  expectation: Expectation,
): Verdict {
  const other = ctinfoDirection(announced.ctinfo) === 0 ? 1 : 0;
  expectation.savedPort = expectation.destinationPort;
  expectation.direction = other;
  expectation.expectFunction = followMaster(net);
  const port = expectAtPort(net, expectation, expectation.savedPort);
  if (port === 0) return NF_DROP;
  const { master } = expectation;
  const text = announcement(type, net.ct.l3numOf(master), addressWords(net.ct, master, other, "dst"), port);
  if (mangleTcp(net, master, announced, text)) return NF_ACCEPT;
  net.ct.helpers.expectations.unlink(expectation);
  return NF_DROP;
}
