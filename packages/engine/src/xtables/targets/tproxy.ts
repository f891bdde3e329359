/**
 * TPROXY: gives a packet to a transparent socket of this host, whatever address the packet is for; routing has to bring
 * it here all the same, by its mark. Where there is no such socket the packet is dropped. Models tproxy_tg4() and
 * tproxy_tg6(), net/netfilter/xt_TPROXY.c, with net/ipv4/netfilter/nf_tproxy_ipv4.c and its twin of IPv6.
 */
import { NF_ACCEPT, NF_DROP, NF_INET_PRE_ROUTING, type Verdict } from "../../hooks.js";
import type { Sock } from "../../sock/sockets.js";
import { type InetAddress, isAnyAddress } from "../../wire/address.js";
import { get16 } from "../../wire/bytes.js";
import { IPPROTO_TCP, IPPROTO_UDP } from "../../wire/ipv4.js";
import { TCP_ACK, TCP_FIN, TCP_HEADER_LENGTH, TCP_RST, TCP_SYN, tcpFlags } from "../../wire/tcp.js";
import { UDP_HEADER_LENGTH } from "../../wire/udp.js";
import { ParameterProblem, RulesetError } from "../error.js";
import type { TargetExtension, XtActionParam } from "../extension.js";
import { ADDRESS_WORDS } from "../ip-header.js";
import type { AddressWords } from "../ip-spec.js";
import { parseHost } from "../network.js";
import { hex, type MarkMask, markMaskOption } from "../options.js";
import { resolvePort } from "../ports.js";
import { addressText } from "../print.js";

/** Where packets are to go. */
interface Proxy {
  /** Its family's "any": an address of the device that the packet came by. */
  readonly address: InetAddress;
  /** 0: the packet's own. */
  readonly port: number;
}

/** The device's first address, or else the packet's. Models nf_tproxy_laddr4() and nf_tproxy_laddr6(). */
function ownAddress({ state: { indev } }: XtActionParam, destination: InetAddress): InetAddress {
  if (typeof destination === "number")
    return indev?.ipv4?.addresses.find(({ secondary }) => !secondary)?.local ?? destination;
  return indev?.ipv6?.addresses[0]?.local ?? destination;
}

/** The packet's connection, or else who listens where it is sent to. */
function socketFor(par: XtActionParam, proxy: Proxy): Sock | null {
  const { net, thoff, proto, state } = par;
  const { data, len } = par.skb;
  if (thoff + UDP_HEADER_LENGTH > len) return null;
  const family = net.sockets.familyOfPacket(data, 0);
  const [source, destination] = [family.source(data, 0), family.destination(data, 0)];
  const [sport, dport] = [get16(data, thoff), get16(data, thoff + 2)];
  const address = isAnyAddress(proxy.address) ? ownAddress(par, destination) : proxy.address;
  const port = proxy.port === 0 ? dport : proxy.port;
  const { tcp, udp } = net.sockets;
  if (proto === IPPROTO_UDP) {
    const connected = udp.lookup(destination, dport, source, sport, state.indev);
    if (connected !== null && !isAnyAddress(connected.remoteAddress)) return connected;
    const open = udp.lookup(address, port, source, sport, state.indev);
    return open === null || !isAnyAddress(open.remoteAddress) ? null : open;
  }
  if (proto !== IPPROTO_TCP) return null;
  const connection = tcp.established(destination, dport, source, sport);
  if (connection !== undefined && connection.state !== "TIME_WAIT") return connection;
  if (connection !== undefined) {
    if (thoff + TCP_HEADER_LENGTH > len) return null;
    if ((tcpFlags(data, thoff) & (TCP_SYN | TCP_RST | TCP_ACK | TCP_FIN)) !== TCP_SYN) return connection;
  }
  const listener = tcp.listenerFor(address, port, state.indev);
  // A new connection takes the place of what is left of one. Models nf_tproxy_handle_time_wait4().
  if (listener !== undefined) connection?.forget();
  return listener ?? connection ?? null;
}

function redirect(par: XtActionParam, proxy: Proxy, { mark, mask }: MarkMask): Verdict {
  const { skb } = par;
  const sk = socketFor(par, proxy);
  if (sk?.options.transparent !== true) return NF_DROP;
  skb.mark = ((skb.mark & ~mask) ^ mark) >>> 0;
  skb.sk = sk;
  return NF_ACCEPT;
}

export const tproxyTarget: TargetExtension = {
  kind: "target",
  name: "TPROXY",
  tables: ["mangle"],
  hooks: 1 << NF_INET_PRE_ROUTING,
  help: `
TPROXY target options:
  --on-port port		    Redirect connection to port, or the original port if 0
  --on-ip ip			    Optionally redirect to the given IP
  --tproxy-mark value[/mask]	    Mark packets with the given value/mask

`,
  options: [
    {
      name: "on-port",
      mandatory: true,
      parse(text) {
        const port = resolvePort(text, null);
        if (port === undefined) throw new ParameterProblem(`Port "${text}" does not resolve to anything.\n`);
        return port;
      },
    },
    { name: "on-ip", parse: parseHost },
    { name: "tproxy-mark", parse: markMaskOption },
  ],
  build(values, header) {
    const port = values.get<number>("on-port") as number;
    const words = values.get<AddressWords>("on-ip") ?? new Int32Array(ADDRESS_WORDS[header.family]);
    const address = addressText(words);
    const proxy: Proxy = { address: header.family === "ipv6" ? (words as Int32Array) : words[0] >>> 0, port };
    const mark = values.get<MarkMask>("tproxy-mark") ?? { mark: 0, mask: 0 };
    const markText = `${hex(mark.mark)}/${hex(mark.mask)}`;
    return {
      name: "TPROXY",
      check() {
        if ((header.proto !== IPPROTO_TCP && header.proto !== IPPROTO_UDP) || header.invertProto)
          throw new RulesetError("EINVAL", "", "Can be used only with -p tcp or -p udp");
      },
      attach: (net, pf) => net.ct.defragGet(pf),
      detach: (net, pf) => net.ct.defragPut(pf),
      target: (par) => redirect(par, proxy, mark),
      save: () => ` --on-port ${port} --on-ip ${address} --tproxy-mark ${markText}`,
      print: () => ` TPROXY redirect ${address}:${port} mark ${markText}`,
    };
  },
};
