/**
 * Random uses of every match and target that the tables have beside the commonest: what a rule may ask of the packets
 * of `traffic.ts` and of the router, so that it holds now and then. What the machine alone knows (its CPU, its clock,
 * its dice) is not asked.
 */
import type { Choice } from "../choice.js";

const turned = (choice: Choice, option: string): string => (choice.oneIn(5) ? `! ${option}` : option);

/** Matches good in every table and at every hook. */
export function extensionMatch(choice: Choice): string {
  const side = choice.pick(["src", "dst"]);
  const limitName = `l${choice.below(3)}`;
  const list = `r${choice.below(3)}`;
  const rate = choice.pick(["1/hour", "2/day", "1/hour"]);
  return choice.pick<() => string>([
    () => `-m length ${turned(choice, `--length ${choice.pick(["40", "20:60", "28", ":48", "100:", "60:40"])}`)}`,
    () =>
      `-m iprange ${turned(choice, `--${side}-range ${choice.pick(["192.168.1.1-192.168.1.10", "198.51.100.2-203.0.113.255", "192.168.1.11", "0.0.0.0-255.255.255.255"])}`)}`,
    () => `-m pkttype ${turned(choice, `--pkt-type ${choice.pick(["unicast", "broadcast", "multicast"])}`)}`,
    () => `-m ttl ${choice.pick(["--ttl-eq 64", "! --ttl-eq 63", "--ttl-lt 3", "--ttl-gt 2", "--ttl-lt 64"])}`,
    () => `-m tos ${turned(choice, `--tos ${choice.pick(["0x10", "0", "0x10/0x1c", "Minimize-Delay", "4/4"])}`)}`,
    () => `-m dscp ${turned(choice, choice.pick(["--dscp 4", "--dscp 0", "--dscp-class BE", "--dscp-class EF"]))}`,
    () => `-m ecn ${turned(choice, `--ecn-ip-ect ${choice.below(4)}`)}`,
    () =>
      `-m string --algo ${choice.pick(["bm", "kmp"])} ${turned(choice, `--hex-string "|${choice.pick(["010203", "0405", "0a", "c0a8010a", "4500"])}|"`)}${choice.pick(["", " --from 20", " --from 28 --to 40", " --to 30", " --icase"])}`,
    () =>
      `-m u32 ${turned(choice, `--u32 "${choice.pick(["6&0xFF=6", "0>>22&0x3C@0>>16=80,1000:2000", "2&0xFFFF=0:60", "12=0xC0A8010A", "0>>22&0x3C@12>>26&0x3C@0=1", "4&0x3FFF=0&&6&0xFF=6:17", "8>>24=64", "60=1"])}"`)}`,
    () =>
      `-m statistic --mode nth ${choice.pick(["--every 2 --packet 0", "--every 3 --packet 2", "! --every 2 --packet 1", "--every 1 --packet 0"])}`,
    () => `-m mark ${turned(choice, `--mark ${choice.pick(["0/1", "2/2", "0", "0/4"])}`)}`,
    () => `-m quota ${turned(choice, `--quota ${choice.pick([0, 40, 100, 300, 5_000])}`)}`,
    () =>
      `-m recent ${choice.pick(["--set", "--set", "--rcheck", "! --rcheck", "--update", "--remove", "--rcheck --seconds 600", "--update --hitcount 3", "--rcheck --hitcount 2 --seconds 600", "--update --rttl", "--update --seconds 600 --reap"])} --name ${list}${choice.pick(["", "", " --rdest"])}`,
    () =>
      `-m hashlimit --hashlimit-${choice.pick(["upto", "above"])} ${rate} --hashlimit-burst ${choice.between(1, 5)} --hashlimit-name ${limitName}${choice.pick(["", " --hashlimit-mode srcip", " --hashlimit-mode srcip,dstip", " --hashlimit-mode dstip,dstport", " --hashlimit-mode srcport", " --hashlimit-mode srcip --hashlimit-srcmask 24"])} --hashlimit-htable-expire 3600000`,
    () => `-m physdev ${choice.pick(["--physdev-in lan0", "! --physdev-is-in", "! --physdev-is-bridged"])}`,
    () =>
      `-m bpf --bytecode "${choice.pick(["4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0", "4,48 0 0 8,53 0 1 3,6 0 0 65535,6 0 0 0", "5,177 0 0 0,72 0 0 2,21 0 1 80,6 0 0 1,6 0 0 0", "3,32 0 0 60,6 0 0 1,6 0 0 0"])}"`,
    () => `-p tcp -m tcpmss ${turned(choice, `--mss ${choice.pick(["1460", "0:1400", "536:65535"])}`)}`,
    () => `-p tcp -m ecn ${choice.pick(["--ecn-tcp-cwr", "! --ecn-tcp-ece", "--ecn-tcp-ece --ecn-tcp-cwr"])}`,
    () => `-p esp -m esp ${turned(choice, `--espspi ${choice.pick(["5", "1:100"])}`)}`,
    () => `-p ah -m ah ${turned(choice, `--ahspi ${choice.pick(["5", "1:100"])}`)}`,
  ])();
}

/** Matches that look at connections: not before there are any. */
export function connectionMatch(choice: Choice): string {
  return choice.pick<() => string>([
    () =>
      `-m connbytes ${turned(choice, `--connbytes ${choice.pick(["2", "1:3", "100", "40:60", ":2"])}`)} --connbytes-dir ${choice.pick(["original", "reply", "both"])} --connbytes-mode ${choice.pick(["packets", "bytes", "avgpkt"])}`,
    () =>
      `-m cluster --cluster-total-nodes ${choice.pick(["2 --cluster-local-node 1", "3 ! --cluster-local-node 2", "4 --cluster-local-nodemask 0x5"])} --cluster-hash-seed 0x${choice.between(1, 255).toString(16)}`,
    () => `-m connlabel ${turned(choice, `--label ${choice.below(3)}`)}${choice.pick(["", " --set"])}`,
  ])();
}

/** Matches that one hook alone takes. */
export function placedMatch(choice: Choice, table: string, chain: string): string | null {
  if (chain === "PREROUTING" && (table === "raw" || table === "mangle"))
    return `-m rpfilter ${choice.pick(["", "--invert", "--loose", "--accept-local --invert"])}`.trim();
  if (chain === "PREROUTING" || chain === "INPUT")
    return choice.pick(["-m socket --nowildcard", "-m policy --dir in --pol none", "-m policy --dir in --pol ipsec"]);
  if (chain === "OUTPUT") return `-m owner ${choice.pick(["--uid-owner 0", "! --uid-owner 5", "--socket-exists"])}`;
  return choice.pick(["-m realm --realm 0", "-m realm ! --realm 5"]);
}

/** Targets that change the packet, in the mangle table. */
export function mangleTarget(choice: Choice, chain: string): string {
  const tcp = choice.oneIn(3);
  if (tcp)
    return choice.pick<string>([
      "-p tcp -j ECN --ecn-tcp-remove",
      "-p tcp -j TCPOPTSTRIP --strip-options timestamp",
      "-p tcp -j TCPOPTSTRIP --strip-options mss,wscale,sack-permitted",
      `-p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss ${choice.pick([500, 536, 1000, 1400])}`,
      ...(chain === "FORWARD" || chain === "POSTROUTING"
        ? ["-p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu"]
        : []),
    ]);
  return `-j ${choice.pick<string>([
    "TTL --ttl-set 64",
    "TTL --ttl-dec 1",
    "TTL --ttl-inc 3",
    `TOS --set-tos ${choice.pick(["0x10", "0x08/0x1c", "Maximize-Throughput"])}`,
    "TOS --xor-tos 0x14",
    "TOS --and-tos 0xe0",
    `DSCP --set-dscp ${choice.below(64)}`,
    "DSCP --set-dscp-class AF21",
    `HMARK --hmark-tuple src,dst,proto --hmark-mod ${choice.between(1, 20)} --hmark-offset 5 --hmark-rnd 0x${choice.below(1000).toString(16)}`,
    `HMARK --hmark-tuple src,sport,dport --hmark-mod 7 --hmark-rnd 0xfe`,
    ...(chain === "FORWARD" ? ["TEE --gateway 198.51.100.77", "CLASSIFY --set-class 1:10"] : []),
    ...(chain === "POSTROUTING" ? ["CHECKSUM --checksum-fill"] : []),
  ])}`;
}

/** Targets good anywhere. */
export function anywhereTarget(choice: Choice): string {
  return `-j ${choice.pick(["NFLOG --nflog-group 7", "NFQUEUE --queue-bypass", "NFQUEUE --queue-num 9", "AUDIT --type accept"])}`;
}
