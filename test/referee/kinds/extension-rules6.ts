/**
 * Random uses of the matches and targets that ip6tables has: IPv6's own, and those of both families with IPv6's
 * addresses. As in `extension-rules.ts`, what the machine alone knows is not asked.
 */
import type { Choice } from "../choice.js";

const turned = (choice: Choice, option: string): string => (choice.oneIn(5) ? `! ${option}` : option);

/** Options of a header of options, as the packets of `extensions6.ts` carry them now and then. */
const OPTIONS = ["5:2", "5", "0x1e:2", "5:2,0x1e:2", "1", "5:3", "0,5:2"];

/** Matches of IPv6's headers. */
function headerMatch(choice: Choice): string {
  const comparison = choice.pick(["eq", "lt", "gt"]);
  return choice
    .pick<() => string>([
      () => `-m hl ${choice.pick(["--hl-eq 64", "! --hl-eq 63", "--hl-lt 3", "--hl-gt 2", "--hl-lt 64"])}`,
      () => `-m hbh ${choice.pick(["", turned(choice, "--hbh-len 8"), `--hbh-opts ${choice.pick(OPTIONS)}`])}`,
      () => `-m dst ${choice.pick(["", turned(choice, "--dst-len 16"), `--dst-opts ${choice.pick(OPTIONS)}`])}`,
      () =>
        `-m ipv6header ${turned(choice, `--header ${choice.pick(["hop", "dst", "route", "prot", "hop,prot", "hop,dst,prot", "auth,prot", "none", "frag,prot", "esp"])}`)}${choice.pick(["", " --soft"])}`,
      () =>
        `-m rt ${choice.pick(["", "--rt-type 0", "! --rt-type 2", turned(choice, "--rt-segsleft 0:1"), turned(choice, "--rt-len 24"), "--rt-type 0 --rt-0-res", "--rt-type 0 --rt-0-addrs 2001:db8:7::1", "--rt-type 0 --rt-0-addrs 2001:db8:7::2 --rt-0-not-strict", "--rt-type 0 --rt-0-addrs 2001:db8:7::1,2001:db8:7::2"])}`,
      () =>
        `-m srh ${choice.pick(["", turned(choice, "--srh-next-hdr 17"), turned(choice, `--srh-segs-left-${comparison} 1`), turned(choice, `--srh-last-entry-${comparison} 1`), turned(choice, `--srh-hdr-len-${comparison} 4`), turned(choice, "--srh-tag 5"), turned(choice, "--srh-psid 2001:db8:7::/64"), turned(choice, "--srh-nsid 2001:db8:7::1"), turned(choice, "--srh-lsid 2001:db8:7::1")])}`,
      () =>
        `-m ah ${choice.pick(["", turned(choice, "--ahspi 5"), turned(choice, "--ahlen 24"), "--ahspi 1:9 --ahres"])}`,
      () => `-p mh -m mh ${choice.pick(["", turned(choice, "--mh-type 5"), "--mh-type brr:hot"])}`,
      () =>
        `-m frag ${choice.pick(["", "--fragfirst", "--fragmore", "--fraglast", turned(choice, "--fragid 5:9"), "--fragres"])}`,
      () => "-m eui64",
    ])()
    .trim();
}

/** Matches of both families. */
function sharedMatch(choice: Choice): string {
  const side = choice.pick(["src", "dst"]);
  return choice.pick<() => string>([
    () =>
      `-m iprange ${turned(choice, `--${side}-range ${choice.pick(["2001:db8:1::1-2001:db8:1::10", "2001:db8:2::-2001:db8:3::ffff", "2001:db8:1::11", "::-ffff::"])}`)}`,
    () =>
      `-m addrtype ${turned(choice, `--${side}-type ${choice.pick(["LOCAL", "UNICAST", "MULTICAST", "UNREACHABLE", "ANYCAST", "UNSPEC", "LOCAL,UNREACHABLE", "UNICAST,LOCAL"])}`)}`,
    () => `-m tos ${turned(choice, `--tos ${choice.pick(["0x10", "0", "0xb8/0xfc", "Minimize-Delay"])}`)}`,
    () => `-m dscp ${turned(choice, choice.pick(["--dscp 4", "--dscp-class BE", "--dscp-class EF"]))}`,
    () => `-m ecn ${turned(choice, `--ecn-ip-ect ${choice.below(4)}`)}`,
    () => `-m length ${turned(choice, `--length ${choice.pick(["60:80", ":60", "100:", "0:65535"])}`)}`,
    () => `-m mark ${turned(choice, `--mark ${choice.pick(["0/1", "2/2", "0", "0/4"])}`)}`,
    () =>
      `-m hashlimit --hashlimit-${choice.pick(["upto", "above"])} 1/hour --hashlimit-burst ${choice.between(1, 5)} --hashlimit-name l${choice.below(3)}${choice.pick(["", " --hashlimit-mode srcip", " --hashlimit-mode dstip,dstport", " --hashlimit-mode srcport", " --hashlimit-mode srcip --hashlimit-srcmask 64", " --hashlimit-mode dstip --hashlimit-dstmask 32"])} --hashlimit-htable-expire 3600000`,
    () =>
      `-m recent ${choice.pick(["--set", "--set", "--rcheck", "! --rcheck", "--update", "--remove", "--update --hitcount 3", "--update --rttl"])} --name r${choice.below(3)}${choice.pick(["", " --rdest", " --mask ffff:ffff:ffff::"])}`,
    () => `-m u32 --u32 "${choice.pick(["6&0xFF=58", "4>>16=0:60", "7&0xFF=17&&40>>16=80,4000", "24=0x20010db8"])}"`,
    () =>
      `-m string --algo ${choice.pick(["bm", "kmp"])} --hex-string "|${choice.pick(["20010db8", "0102", "11"])}|" --from 20`,
    () => `-m pkttype --pkt-type ${choice.pick(["unicast", "multicast"])}`,
    () => `-m multiport --${choice.pick(["ports", "dports", "sports"])} 53,80,4000:4001`.replace("-m", "-p udp -m"),
    () => `-p tcp -m tcpmss ${turned(choice, `--mss ${choice.pick(["1460", "0:1400"])}`)}`,
    () => `-p icmpv6 -m icmp6 ${turned(choice, `--icmpv6-type ${choice.pick(["echo-request", "1/0", "3", "130"])}`)}`,
    () => `-p esp -m esp ${turned(choice, "--espspi 1:9")}`,
  ])();
}

/** Matches good in every table and at every hook, but for eui64. */
export function extensionMatch6(choice: Choice, chain: string): string {
  const match = choice.oneIn(2) ? headerMatch(choice) : sharedMatch(choice);
  return match === "-m eui64" && (chain === "OUTPUT" || chain === "POSTROUTING") ? "-m hl --hl-gt 5" : match;
}

/** Matches that look at connections: not before there are any. */
export function connectionMatch6(choice: Choice): string {
  return choice.pick<() => string>([
    () => `-m connbytes ${turned(choice, "--connbytes 2")} --connbytes-dir both --connbytes-mode packets`,
    () =>
      `-m cluster --cluster-total-nodes ${choice.pick(["2 --cluster-local-node 1", "3 ! --cluster-local-node 2"])} --cluster-hash-seed 0x${choice.between(1, 255).toString(16)}`,
    () => `-m connlabel ${turned(choice, `--label ${choice.below(3)}`)}${choice.pick(["", " --set"])}`,
  ])();
}

/** Targets that change the packet, in the mangle table. */
export function mangleTarget6(choice: Choice, chain: string): string {
  if (choice.oneIn(3))
    return choice.pick<string>([
      "-p tcp -j TCPOPTSTRIP --strip-options mss,wscale,sack-permitted",
      `-p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss ${choice.pick([500, 1220, 1400])}`,
      ...(chain === "FORWARD" || chain === "POSTROUTING"
        ? ["-p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu"]
        : []),
    ]);
  const rnd = `--hmark-rnd 0x${choice.between(1, 1000).toString(16)}`;
  return `-j ${choice.pick<string>([
    "HL --hl-set 64",
    "HL --hl-dec 1",
    "HL --hl-inc 3",
    `TOS --set-tos ${choice.pick(["0x10", "0x08/0x1c", "Maximize-Throughput"])}`,
    "TOS --xor-tos 0x14",
    `DSCP --set-dscp ${choice.below(64)}`,
    "DSCP --set-dscp-class AF21",
    `HMARK --hmark-tuple src,dst,proto --hmark-mod ${choice.between(1, 20)} --hmark-offset 5 ${rnd}`,
    `HMARK --hmark-tuple src,sport,dport --hmark-mod 7 ${rnd}`,
    `HMARK --hmark-src-prefix 64 --hmark-dst-prefix 40 --hmark-dport-mask 0xff --hmark-mod 9 ${rnd}`,
    ...(chain === "FORWARD" ? ["TEE --gateway 2001:db8:2::77"] : []),
  ])}`;
}
