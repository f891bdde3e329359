/** FTP's announcements under NAT: the address and port that the other side must call. Models net/netfilter/nf_nat_ftp.c. */
import type { Expectation } from "../../conntrack/expect.js";
import type { Announced, FtpAnnouncement } from "../../conntrack/helpers/nat-hook.js";
import { NF_ACCEPT, NF_DROP, type Verdict } from "../../hooks.js";
import type { NetNamespace } from "../../netns.js";
import { ctinfoDirection } from "../../skb.js";
import { formatIPv4 } from "../../wire/address.js";
import { expectAtPort, followMaster, mangleTcp } from "../helper.js";

/** How each command names an end. */
function announcement(type: FtpAnnouncement, address: number, port: number): string {
  switch (type) {
    case "PORT":
    case "PASV":
      return `${formatIPv4(address).replaceAll(".", ",")},${port >>> 8},${port & 0xff}`;
    case "EPRT":
      return `|1|${formatIPv4(address)}|${port}|`;
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
  const address = net.ct.dstOf(expectation.master, other);
  if (mangleTcp(net, expectation.master, announced, announcement(type, address, port))) return NF_ACCEPT;
  net.ct.helpers.expectations.unlink(expectation);
  return NF_DROP;
}
