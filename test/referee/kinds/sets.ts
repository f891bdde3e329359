/** Sets of both families for rules to ask, to change and to map packets by, and random such rules. */
import type { Choice } from "../choice.js";

/** A family's sets, with the questions and changes that make sense of them. */
interface Sets {
  /** Makes the sets, of one element or some. */
  readonly setup: readonly string[];
  readonly questions: readonly string[];
  readonly changes: readonly string[];
  /** Of the mangle table: what an element gives the packet. */
  readonly maps: readonly string[];
  /** What has become of the sets that rules change. */
  readonly finally: readonly string[];
}

const AFTERWARDS = ["seen", "hosts", "learnt", "services"].map((name) => `ipset save ${name} | grep ^add | sort`);

const SETS: Sets = {
  setup: [
    "ipset create hosts hash:ip",
    "ipset add hosts 192.168.1.10",
    "ipset create nets hash:net",
    "ipset add nets 198.51.100.0/24",
    "ipset add nets 198.51.100.20/32 nomatch",
    "ipset create services hash:ip,port counters",
    "ipset add services 198.51.100.9,80",
    "ipset add services 198.51.100.9,udp:53",
    "ipset create ports bitmap:port range 1-2000",
    "ipset add ports 80",
    "ipset create ways hash:net,iface",
    "ipset add ways 192.168.1.0/24,lan0",
    "ipset create seen hash:ip maxelem 3",
    "ipset create learnt hash:net",
    "ipset add learnt 203.0.113.0/28",
    "ipset create masked hash:ip netmask 24",
    "ipset add masked 198.51.100.77",
    "ipset create odd hash:ip bitmask 0.0.0.1",
    "ipset add odd 10.0.0.3",
    "ipset create marks hash:net skbinfo counters",
    "ipset add marks 192.168.0.0/16 skbmark 0x5/0xff skbprio 1:2",
    "ipset add marks 198.51.100.0/24 skbmark 0x10",
    "ipset create any list:set",
    "ipset add any hosts",
    "ipset add any seen",
  ],
  questions: [
    "hosts src",
    "hosts dst",
    "nets dst",
    "nets src --return-nomatch",
    "services dst,dst",
    "services dst,dst --packets-gt 2",
    "ports dst",
    "ports src",
    "ways src,src",
    "any src",
    "seen src",
    "learnt src",
    "masked dst",
    "odd src",
    "odd dst",
    "marks src --packets-lt 3",
  ],
  changes: [
    "--add-set seen src",
    "--add-set hosts dst",
    "--del-set hosts src",
    "--add-set services dst,dst",
    "--add-set learnt dst",
    "--del-set learnt dst",
    "--add-set any dst",
    "--del-set any src",
  ],
  maps: ["marks src --map-mark", "marks dst --map-mark", "hosts src --map-mark"],
  finally: AFTERWARDS,
};

const SETS_6: Sets = {
  setup: [
    "ipset create hosts hash:ip family inet6",
    "ipset add hosts 2001:db8:1::10",
    "ipset create nets hash:net family inet6",
    "ipset add nets 2001:db8::/32",
    "ipset add nets 2001:db8:2::9 nomatch",
    "ipset create services hash:ip,port family inet6 counters",
    "ipset add services 2001:db8:2::9,80",
    "ipset add services 2001:db8:2::9,udp:53",
    "ipset add services 2001:db8:2::9,icmpv6:ping",
    "ipset create flows hash:ip,port,ip family inet6",
    "ipset add flows 2001:db8:2::9,udp:53,2001:db8:1::10",
    "ipset create paths hash:ip,port,net family inet6",
    "ipset add paths 2001:db8:1::10,udp:53,2001:db8:2::/64",
    "ipset create netports hash:net,port family inet6",
    "ipset add netports 2001:db8:2::/48,tcp:80",
    "ipset create ports bitmap:port range 1-2000",
    "ipset add ports 80",
    "ipset create ways hash:net,iface family inet6",
    "ipset add ways 2001:db8:1::/64,lan0",
    "ipset create seen hash:ip family inet6 maxelem 3",
    "ipset create learnt hash:net family inet6",
    "ipset add learnt 2001:db8:77::/56",
    "ipset create masked hash:ip family inet6 netmask 48",
    "ipset add masked 2001:db8:2:7::1",
    "ipset create odd hash:ip family inet6 bitmask ::1",
    "ipset add odd ::3",
    "ipset create marks hash:net family inet6 skbinfo counters",
    "ipset add marks 2001:db8:1::/48 skbmark 0x5/0xff skbprio 1:2",
    "ipset add marks 2001:db8:2::/48 skbmark 0x10",
    "ipset create any list:set",
    "ipset add any hosts",
    "ipset add any seen",
  ],
  questions: [
    "hosts src",
    "hosts dst",
    "nets dst",
    "nets dst --return-nomatch",
    "services dst,dst",
    "services dst,dst --packets-gt 2",
    "flows dst,dst,src",
    "paths src,dst,dst",
    "netports dst,dst",
    "ports dst",
    "ports src",
    "ways src,src",
    "any src",
    "seen src",
    "learnt src",
    "masked dst",
    "odd src",
    "odd dst",
    "marks src --packets-lt 3",
  ],
  changes: SETS.changes,
  maps: SETS.maps,
  finally: AFTERWARDS,
};

/** The sets of a family. */
export function setsOf(ipv6: boolean): Sets {
  return ipv6 ? SETS_6 : SETS;
}

/** A rule's words about sets. */
export function setRule(choice: Choice, table: string, { questions, changes, maps }: Sets): string {
  if (choice.oneIn(4)) return `-j SET ${choice.pick(changes)}`;
  if (table === "mangle" && choice.oneIn(2)) return `-j SET --map-set ${choice.pick(maps)}`;
  return `-m set ${choice.oneIn(4) ? "! " : ""}--match-set ${choice.pick(questions)}`;
}
