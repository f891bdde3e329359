/**
 * The SYN proxy: answers a client's SYN with a number that is a cookie, and opens the connection to the server once the
 * client has acknowledged it; from then on sequence numbers and timestamps of the two halves are moved. The cookie is
 * this project's hash with a secret from the injected randomness, as the kernel's secret is random too. Models
 * net/netfilter/nf_synproxy_core.c with __cookie_v4_init_sequence() and __cookie_v4_check() of net/ipv4/syncookies.c
 * and their like of net/ipv6.
 */
import {
  type HookOps,
  type HookState,
  NF_ACCEPT,
  NF_DROP,
  NF_INET_LOCAL_IN,
  NF_INET_POST_ROUTING,
  NF_IP_PRI_CONNTRACK_CONFIRM,
  NF_STOLEN,
  type Verdict,
} from "../hooks.js";
import { jhash2 } from "../nat/jhash.js";
import type { NetNamespace } from "../netns.js";
import { perNamespace } from "../pernet.js";
import {
  ctinfoDirection,
  IP_CT_DIR_ORIGINAL,
  IP_CT_DIR_REPLY,
  IP_CT_ESTABLISHED_REPLY,
  IP_CT_NEW,
  NO_CT,
  type SkBuff,
} from "../skb.js";
import { get16, getInt32, put16, put32 } from "../wire/bytes.js";
import { checksumReplace4 } from "../wire/checksum.js";
import {
  parseTcpOptions,
  TCP_ACK,
  TCP_CWR,
  TCP_ECE,
  TCP_HEADER_LENGTH,
  TCP_RST,
  TCP_SYN,
  TCPOPT_EOL,
  TCPOPT_NOP,
  TCPOPT_TIMESTAMP,
  type TcpOptions,
  type TcpSegment,
  tcpAckSeq,
  tcpDstPort,
  tcpFlags,
  tcpHeaderLength,
  tcpSeq,
  tcpSrcPort,
  tcpWindow,
} from "../wire/tcp.js";
import { isLoopback } from "./helpers/helpers.js";
import {
  TCP_CONNTRACK_CLOSE,
  TCP_CONNTRACK_SYN_RECV,
  TCP_CONNTRACK_SYN_SENT,
  tcpMaxWindow,
  tcpStateOf,
} from "./proto-tcp.js";
import type { SequenceAdjustment } from "./seqadj.js";
import type { CtHandle } from "./status.js";
import type { SynproxyFamily } from "./synproxy-family.js";

/** What a rule offers to clients. Models `struct nf_synproxy_info`. */
export interface SynproxyOffer {
  readonly mss: number | null;
  readonly wscale: number | null;
  readonly sackPermitted: boolean;
  readonly timestamp: boolean;
  readonly ecn: boolean;
}

/** A cookie is good for two of the minutes in which its count steps. Models MAX_SYNCOOKIE_AGE. */
const COOKIE_PERIOD_MICROS = 60_000_000;
const MAX_COOKIE_AGE = 2;
/** Timestamps that are cookies too: the lower bits tell the options that the SYN had. */
const TS_OPTIONS = 0x3f;
const TS_NO_WSCALE = 0xf;
const TS_SACK = 1 << 4;
const TS_ECN = 1 << 5;
const MAX_WSCALE = 14;

/** Models `struct nf_conn_synproxy`. */
interface Relay {
  /** The number that the client was told the server begins with. */
  isn: number;
  /** The timestamp that the client was told. */
  its: number;
  /** How far the server's timestamps are ahead of it. */
  tsoff: number;
}

/** The SYN proxies of a namespace and a family. Models `struct synproxy_net`. */
export class Synproxy {
  readonly #net: NetNamespace;
  readonly #family: SynproxyFamily;
  readonly #secret: number;
  /** Hangs with the corrections of a connection, and goes with them. */
  readonly #relays = new WeakMap<SequenceAdjustment, Relay>();
  #users = 0;
  #template: CtHandle = NO_CT;
  /** The SYN to a server that is on its way out. */
  #opening: SkBuff | null = null;
  readonly #hooks: readonly HookOps[];

  constructor(net: NetNamespace, family: SynproxyFamily) {
    this.#net = net;
    this.#family = family;
    this.#secret = net.random.u32();
    this.#hooks = [NF_INET_LOCAL_IN, NF_INET_POST_ROUTING].map((hook) => ({
      hook: hook as HookOps["hook"],
      priority: NF_IP_PRI_CONNTRACK_CONFIRM - 1,
      fn: (skb: SkBuff, state: HookState) => this.#relay(skb, state),
      name: family.hookName,
      module: "nf_synproxy_core",
      label: "synproxy",
    }));
  }

  /** A rule with the target enters a ruleset. Models `nf_synproxy_ipv4_init()`. */
  attach(): void {
    if (++this.#users > 1) return;
    const { ct } = this.#net;
    ct.netnsGet(this.#family.pf);
    this.#template = ct.allocateTemplate(0);
    for (const ops of this.#hooks) this.#family.hooks(this.#net).register(ops);
  }

  /** That rule left it. */
  detach(): void {
    if (--this.#users > 0) return;
    const { ct } = this.#net;
    for (const ops of this.#hooks) this.#family.hooks(this.#net).unregister(ops);
    ct.put(this.#template);
    this.#template = NO_CT;
    ct.netnsPut(this.#family.pf);
  }

  /** Answers a client's SYN. Models the first half of synproxy_tg4() and synproxy_send_client_synack(). */
  answerSyn(skb: SkBuff, at: number, offer: SynproxyOffer): void {
    const { data } = skb;
    const flags = tcpFlags(data, at);
    const asked = parseTcpOptions(data, at);
    const src = this.#family.source(data);
    const dst = this.#family.destination(data);
    const timestamp = offer.timestamp ? asked.timestamp : undefined;
    const ecn = timestamp !== undefined && offer.ecn && (flags & TCP_ECE) !== 0 && (flags & TCP_CWR) !== 0;
    const wscale = timestamp !== undefined && offer.wscale !== null ? asked.windowScale : undefined;
    const sackPermitted = timestamp !== undefined && offer.sackPermitted && asked.sackPermitted === true;
    const options: TcpOptions = {
      ...(offer.mss !== null && asked.mss !== undefined ? { mss: offer.mss } : {}),
      ...(timestamp === undefined
        ? {}
        : { timestamp: { value: this.#timestampCookie(wscale, sackPermitted, ecn), echo: timestamp.value } }),
      ...(sackPermitted ? { sackPermitted } : {}),
      ...(wscale === undefined || offer.wscale === null ? {} : { windowScale: offer.wscale }),
    };
    const index = this.#family.segmentSizes.filter((mss) => mss <= (asked.mss ?? 0)).length - 1;
    const sport = tcpSrcPort(data, at);
    const dport = tcpDstPort(data, at);
    const seq = this.#cookie(src, dst, sport, dport, tcpSeq(data, at), Math.max(index, 0));
    this.#send(
      skb,
      dst,
      src,
      {
        sport: dport,
        dport: sport,
        seq,
        ack: (tcpSeq(data, at) + 1) >>> 0,
        flags: TCP_SYN | TCP_ACK | (ecn ? TCP_ECE : 0),
        options,
      },
      skb.nfct,
      IP_CT_ESTABLISHED_REPLY,
    );
  }

  /**
   * A client's acknowledgement: when it is of a cookie, the server is asked for the connection. `begin` is the number
   * of the client's first byte. Models synproxy_recv_client_ack().
   */
  receiveAck(skb: SkBuff, at: number, begin: number): boolean {
    const { data } = skb;
    const src = this.#family.source(data);
    const dst = this.#family.destination(data);
    const sport = tcpSrcPort(data, at);
    const dport = tcpDstPort(data, at);
    const told = (tcpAckSeq(data, at) - 1) >>> 0;
    const index = this.#cookieIndex(told, src, dst, sport, dport, (tcpSeq(data, at) - 1) >>> 0);
    if (index < 0) return false;
    const { timestamp } = parseTcpOptions(data, at);
    const bits = timestamp?.echo ?? TS_NO_WSCALE;
    const ecn = timestamp !== undefined && (bits & TS_ECN) !== 0;
    const options: TcpOptions = {
      mss: this.#family.segmentSizes[index],
      ...(timestamp === undefined ? {} : { timestamp }),
      ...(timestamp !== undefined && bits & TS_SACK ? { sackPermitted: true } : {}),
      ...(timestamp !== undefined && (bits & 0xf) !== TS_NO_WSCALE ? { windowScale: bits & 0xf } : {}),
    };
    // The number told to the client rides along as an acknowledgement, which the hook function reads.
    this.#send(
      skb,
      src,
      dst,
      {
        sport,
        dport,
        seq: (begin - 1) >>> 0,
        ack: told,
        flags: TCP_SYN | (ecn ? TCP_ECE | TCP_CWR : 0),
        window: tcpWindow(data, at),
        options,
      },
      this.#template,
      IP_CT_NEW,
    );
    return true;
  }

  /** Models `__cookie_v4_init_sequence()`: a hash, the time and the index of a segment size. */
  #cookie(src: Int32Array, dst: Int32Array, sport: number, dport: number, seq: number, index: number): number {
    const count = this.#minute;
    const size = (this.#hash(src, dst, sport, dport, count + 1) + index) & 0xffffff;
    return (this.#hash(src, dst, sport, dport, 0) + seq + (count << 24) + size) >>> 0;
  }

  /** The index in a cookie; -1 when it is none, or too old. Models `__cookie_v4_check()`. */
  #cookieIndex(cookie: number, src: Int32Array, dst: Int32Array, sport: number, dport: number, seq: number): number {
    const rest = (cookie - this.#hash(src, dst, sport, dport, 0) - seq) >>> 0;
    const age = (this.#minute - (rest >>> 24)) & 0xff;
    if (age >= MAX_COOKIE_AGE) return -1;
    const index = (rest - this.#hash(src, dst, sport, dport, this.#minute - age + 1)) & 0xffffff;
    return index < this.#family.segmentSizes.length ? index : -1;
  }

  get #minute(): number {
    return Math.floor(this.#net.clock.nowMicros / COOKIE_PERIOD_MICROS);
  }

  #hash(src: Int32Array, dst: Int32Array, sport: number, dport: number, count: number): number {
    return jhash2([...src, ...dst, (sport << 16) | dport, count], this.#secret);
  }

  /** Models synproxy_init_timestamp_cookie(). */
  #timestampCookie(wscale: number | undefined, sackPermitted: boolean, ecn: boolean): number {
    const now = (Math.floor(this.#net.clock.nowMicros / 1000) & ~TS_OPTIONS) >>> 0;
    const shift = wscale === undefined ? TS_NO_WSCALE : Math.min(wscale, MAX_WSCALE);
    return (now | shift | (sackPermitted ? TS_SACK : 0) | (ecn ? TS_ECN : 0)) >>> 0;
  }

  /** Models synproxy_send_tcp(). */
  #send(about: SkBuff, src: Int32Array, dst: Int32Array, segment: TcpSegment, entry: CtHandle, ctinfo: number): void {
    const { ct } = this.#net;
    const skb = this.#family.packet(this.#net, about, src, dst, segment);
    if (skb === null) return;
    if (entry !== NO_CT) {
      ct.get(entry);
      skb.nfct = entry;
      skb.ctinfo = ctinfo;
    }
    const opening = this.#opening;
    if (entry === this.#template) this.#opening = skb;
    this.#family.send(this.#net, skb);
    this.#opening = opening;
  }

  /** Models ipv4_synproxy_hook() and ipv6_synproxy_hook(). */
  #relay(skb: SkBuff, _state: HookState): Verdict {
    const { ct } = this.#net;
    const entry = skb.nfct;
    if (entry === NO_CT) return NF_ACCEPT;
    const { helpers } = ct;
    // The entry of the SYN to the server is made of the template: it is the proxy's from now on.
    if (skb === this.#opening && helpers.adjustmentOf(entry) === null)
      this.#relays.set(helpers.adjustment(entry), { isn: 0, its: 0, tsoff: 0 });
    const adjustment = helpers.adjustmentOf(entry);
    const relay = adjustment === null ? undefined : this.#relays.get(adjustment);
    if (adjustment === null || relay === undefined) return NF_ACCEPT;
    const { data, len } = skb;
    const at = this.#family.segmentAt(skb);
    if (at < 0 || isLoopback(skb)) return NF_ACCEPT;
    if (at + TCP_HEADER_LENGTH > len || at + tcpHeaderLength(data, at) > len) return NF_DROP;
    const flags = tcpFlags(data, at);
    const direction = ctinfoDirection(skb.ctinfo);
    switch (tcpStateOf(ct, entry)) {
      case TCP_CONNTRACK_CLOSE:
        if (flags & TCP_RST && direction !== IP_CT_DIR_ORIGINAL) {
          adjustment.init(direction, (relay.isn - tcpSeq(data, at) + 1) | 0);
          break;
        }
        if ((flags & (TCP_SYN | TCP_ACK)) !== TCP_SYN || direction !== IP_CT_DIR_ORIGINAL) break;
        // Opened again: the corrections are for the new connection to say.
        adjustment.init(direction, 0);
        relay.tsoff = 0;
        return this.#synSent(skb, at, relay);
      case TCP_CONNTRACK_SYN_SENT:
        return this.#synSent(skb, at, relay);
      case TCP_CONNTRACK_SYN_RECV:
        if ((flags & (TCP_SYN | TCP_ACK)) !== (TCP_SYN | TCP_ACK)) break;
        this.#established(skb, at, entry, adjustment, relay);
        ct.net.free(skb);
        return NF_STOLEN;
      default:
    }
    moveTimestamps(data, at, direction === IP_CT_DIR_REPLY, relay.tsoff);
    return NF_ACCEPT;
  }

  /** The SYN on its way to the server, or a client that says its acknowledgement again. */
  #synSent(skb: SkBuff, at: number, relay: Relay): Verdict {
    const { data } = skb;
    const flags = tcpFlags(data, at);
    const original = ctinfoDirection(skb.ctinfo) === IP_CT_DIR_ORIGINAL;
    if ((flags & (TCP_SYN | TCP_ACK)) === TCP_ACK && original) {
      if (!this.receiveAck(skb, at, (tcpSeq(data, at) + 1) >>> 0)) return NF_DROP;
      this.#net.free(skb);
      return NF_STOLEN;
    }
    relay.isn = tcpAckSeq(data, at);
    relay.its = parseTcpOptions(data, at).timestamp?.echo ?? relay.its;
    moveTimestamps(data, at, !original, relay.tsoff);
    return NF_ACCEPT;
  }

  /** The server answered: it gets the client's acknowledgement, and the client the server's window. */
  #established(skb: SkBuff, at: number, entry: CtHandle, adjustment: SequenceAdjustment, relay: Relay): void {
    const { data } = skb;
    const { timestamp, windowScale } = parseTcpOptions(data, at);
    if (timestamp !== undefined) relay.tsoff = (timestamp.value - relay.its) | 0;
    const src = this.#family.source(data);
    const dst = this.#family.destination(data);
    const [sport, dport] = [tcpSrcPort(data, at), tcpDstPort(data, at)];
    const seq = tcpSeq(data, at);
    const ack = tcpAckSeq(data, at);
    const swapped = timestamp === undefined ? {} : { timestamp: { value: timestamp.echo, echo: timestamp.value } };
    this.#send(
      skb,
      dst,
      src,
      {
        sport: dport,
        dport: sport,
        seq: ack,
        ack: (seq + 1) >>> 0,
        flags: TCP_ACK,
        window: tcpMaxWindow(this.#net.ct, entry, IP_CT_DIR_ORIGINAL) & 0xffff,
        options: swapped,
      },
      NO_CT,
      0,
    );
    adjustment.init(ctinfoDirection(skb.ctinfo), (relay.isn - seq) | 0);
    this.#send(
      skb,
      src,
      dst,
      {
        sport,
        dport,
        seq: (seq + 1) >>> 0,
        ack,
        flags: TCP_ACK,
        window: tcpWindow(data, at) >>> Math.min(windowScale ?? 0, MAX_WSCALE),
        options: timestamp === undefined ? {} : { timestamp },
      },
      entry,
      IP_CT_ESTABLISHED_REPLY,
    );
  }
}

/** Models synproxy_tstamp_adjust(). */
function moveTimestamps(data: Uint8Array, at: number, reply: boolean, offset: number): void {
  if (offset === 0) return;
  const end = at + tcpHeaderLength(data, at);
  for (let i = at + TCP_HEADER_LENGTH; i < end; ) {
    if (data[i] === TCPOPT_EOL) return;
    if (data[i] === TCPOPT_NOP) {
      i++;
      continue;
    }
    const size = data[i + 1];
    if (i + 1 === end || i + size > end || size < 2) return;
    if (data[i] === TCPOPT_TIMESTAMP && size === 10) {
      const field = reply ? i + 2 : i + 6;
      const before = getInt32(data, field);
      const moved = (reply ? before - offset : before + offset) | 0;
      put32(data, field, moved);
      put16(data, at + 16, checksumReplace4(get16(data, at + 16), before, moved));
    }
    i += size;
  }
}

const proxiesOf = perNamespace(() => new Map<SynproxyFamily, Synproxy>());

/** The SYN proxies of a namespace and a family. */
export function synproxyOf(net: NetNamespace, family: SynproxyFamily): Synproxy {
  const proxies = proxiesOf(net);
  let proxy = proxies.get(family);
  if (proxy === undefined) proxies.set(family, (proxy = new Synproxy(net, family)));
  return proxy;
}
