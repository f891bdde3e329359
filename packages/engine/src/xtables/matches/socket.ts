/**
 * `-m socket`: whether a socket of this host is there for the packet, or for the one that an ICMP error is about.
 * Models socket_match(), net/netfilter/xt_socket.c, with net/ipv4/netfilter/nf_socket_ipv4.c and its twin of IPv6.
 */
import { IPS_SRC_NAT_DONE } from "../../conntrack/status.js";
import { NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING } from "../../hooks.js";
import { IP_CT_DIR_ORIGINAL, IP_CT_ESTABLISHED_REPLY, IP_CT_RELATED_REPLY, NO_CT } from "../../skb.js";
import type { Sock } from "../../sock/sockets.js";
import { type InetAddress, isAnyAddress } from "../../wire/address.js";
import { get16 } from "../../wire/bytes.js";
import {
  ICMP_DEST_UNREACH,
  ICMP_HEADER_LENGTH,
  ICMP_PARAMETERPROB,
  ICMP_REDIRECT,
  ICMP_SOURCE_QUENCH,
  ICMP_TIME_EXCEEDED,
} from "../../wire/icmp.js";
import {
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV4_HEADER_LENGTH,
  IPV4_PROTOCOL,
  ipv4HeaderLength,
} from "../../wire/ipv4.js";
import { found, IPV6_HEADER_LENGTH, IPV6_NEXT_HEADER, skipExtensionHeaders } from "../../wire/ipv6.js";
import { TCP_HEADER_LENGTH } from "../../wire/tcp.js";
import { UDP_HEADER_LENGTH } from "../../wire/udp.js";
import type { MatchExtension, XtActionParam } from "../extension.js";

const OPTIONS: readonly string[] = ["transparent", "nowildcard", "restore-skmark"];
const ICMP_ERRORS: readonly number[] = [
  ICMP_DEST_UNREACH,
  ICMP_SOURCE_QUENCH,
  ICMP_REDIRECT,
  ICMP_TIME_EXCEEDED,
  ICMP_PARAMETERPROB,
];
/** The bit that ICMPv6's types other than errors have. */
const ICMPV6_INFOMSG_MASK = 0x80;

/** Both ends of a packet as its receiver's socket has them. */
interface Ends {
  readonly protocol: "tcp" | "udp";
  readonly local: InetAddress;
  readonly localPort: number;
  readonly remote: InetAddress;
  readonly remotePort: number;
}

/**
 * The ends of the header at `ip` whose transport header is at `at`; `about`: it is quoted by an error, from this side.
 */
function endsAt({ skb: { data }, net }: XtActionParam, ip: number, at: number, tcp: boolean, about: boolean): Ends {
  const family = net.sockets.familyOfPacket(data, 0);
  const [src, dst] = [family.source(data, ip), family.destination(data, ip)];
  const [sport, dport] = [get16(data, at), get16(data, at + 2)];
  const protocol = tcp ? "tcp" : "udp";
  return about
    ? { protocol, local: src, localPort: sport, remote: dst, remotePort: dport }
    : { protocol, local: dst, localPort: dport, remote: src, remotePort: sport };
}

/**
 * Whose packet it is; null where no socket could have it. Models extract_icmp4_fields() and extract_icmp6_fields() too.
 */
function endsOf(par: XtActionParam): Ends | null {
  const { skb, family, thoff, proto } = par;
  const { data, len } = skb;
  const ipv6 = family === "ipv6";
  if (proto === IPPROTO_TCP || proto === IPPROTO_UDP) {
    const tcp = proto === IPPROTO_TCP;
    if (thoff + (tcp ? TCP_HEADER_LENGTH : UDP_HEADER_LENGTH) > len) return null;
    return endsAt(par, 0, thoff, tcp, false);
  }
  const ip = thoff + ICMP_HEADER_LENGTH;
  if (proto !== (ipv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) || ip > len) return null;
  let inner: number;
  let at: number;
  if (ipv6) {
    if ((data[thoff] & ICMPV6_INFOMSG_MASK) !== 0 || ip + IPV6_HEADER_LENGTH > len) return null;
    at = skipExtensionHeaders(data, ip + IPV6_HEADER_LENGTH, len, data[ip + IPV6_NEXT_HEADER]);
    inner = found.nexthdr;
    if (at < 0) return null;
  } else {
    if (!ICMP_ERRORS.includes(data[thoff]) || ip + IPV4_HEADER_LENGTH > len) return null;
    at = ip + ipv4HeaderLength(data, ip);
    inner = data[ip + IPV4_PROTOCOL];
  }
  if ((inner !== IPPROTO_TCP && inner !== IPPROTO_UDP) || at + 4 > len) return null;
  return endsAt(par, ip, at, inner === IPPROTO_TCP, true);
}

/** An answer on a translated connection is for the socket that began it. IPv4's alone is looked for so. */
function beforeTranslation(par: XtActionParam, ends: Ends): Ends {
  const { skb, net, proto, family } = par;
  const reply = proto === IPPROTO_ICMP ? IP_CT_RELATED_REPLY : IP_CT_ESTABLISHED_REPLY;
  if (family === "ipv6" || skb.nfct === NO_CT || skb.ctinfo !== reply) return ends;
  const { ct } = net;
  if ((ct.statusOf(skb.nfct) & IPS_SRC_NAT_DONE) === 0) return ends;
  const local = ct.srcWordOf(skb.nfct, IP_CT_DIR_ORIGINAL, 0) >>> 0;
  return { ...ends, local, localPort: ct.sportOf(skb.nfct, IP_CT_DIR_ORIGINAL) };
}

/** The socket that the packet is for. Models nf_sk_lookup_slow_v4() and nf_sk_lookup_slow_v6(). */
function lookup(par: XtActionParam): Sock | null {
  const seen = endsOf(par);
  if (seen === null) return null;
  const { protocol, local, localPort, remote, remotePort } = beforeTranslation(par, seen);
  const { tcp, udp } = par.net.sockets;
  const { indev } = par.state;
  if (protocol === "udp") return udp.lookup(local, localPort, remote, remotePort, indev);
  return tcp.established(local, localPort, remote, remotePort) ?? tcp.listenerFor(local, localPort, indev) ?? null;
}

export const socketMatch: MatchExtension = {
  kind: "match",
  name: "socket",
  hooks: (1 << NF_INET_PRE_ROUTING) | (1 << NF_INET_LOCAL_IN),
  help: `
socket match options:
  --nowildcard     Do not ignore LISTEN sockets bound on INADDR_ANY
  --transparent    Ignore non-transparent sockets
  --restore-skmark Set the packet mark to the socket mark if
                   the socket matches and transparent / 
                   nowildcard conditions are satisfied

`,
  options: OPTIONS.map((name) => ({ name })),
  build(values) {
    const text = OPTIONS.filter((name) => values.has(name))
      .map((name) => ` --${name}`)
      .join("");
    const wantsTransparent = values.has("transparent");
    const wildcards = values.has("nowildcard");
    const restoresMark = values.has("restore-skmark");
    return {
      name: "socket",
      match(par) {
        const { skb } = par;
        const sk = skb.sk ?? lookup(par);
        if (sk === null) return false;
        const { transparent = false, mark = 0 } = sk.options;
        if ((!wildcards && isAnyAddress(sk.localAddress)) || (wantsTransparent && !transparent)) return false;
        // What is left of a connection, or not one yet, has no mark.
        if (restoresMark && sk.state !== "TIME_WAIT" && sk.state !== "SYN_RECV") skb.mark = mark;
        return true;
      },
      attach: (net, pf) => net.ct.defragGet(pf),
      detach: (net, pf) => net.ct.defragPut(pf),
      save: () => text,
      print: () => ` socket${text}`,
    };
  },
};
