// @ts-nocheck: it runs the built packages, whose types are not those of the sources that the tests see.
/**
 * What is measured: the engine's router between two TUN devices, with commands as a person types them, and the packets
 * of any number of flows. Runs in Node and in a page: who calls gives the clock.
 */
import {
  NetNamespace,
  parseIPv4,
  SeededRandom,
  SkBuff,
  TunDevice,
  VirtualClock,
} from "../../packages/engine/dist/index.js";
import { buildIPv4 } from "../../packages/engine/dist/wire/ipv4.js";
import { buildTcp } from "../../packages/engine/dist/wire/tcp.js";
import { buildUdp } from "../../packages/engine/dist/wire/udp.js";
import { commands } from "../../packages/lab/dist/commands/index.js";
import { FileSystem } from "../../packages/lab/dist/files.js";

const TCP_ACK = 0x10;
const TCP_SYN = 0x02;
const SERVER = parseIPv4("198.51.200.9");
/** Ports that each client sends from. */
const PORTS = 500;

/** Each setup adds to the one before. The same lines are given to the kernel. */
export const SETUPS = [
  { name: "forward", rules: [] },
  {
    name: "conntrack + filter",
    rules: [
      "iptables-legacy -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
      "iptables-legacy -A FORWARD -i lan0 -o wan0 -m conntrack --ctstate NEW -j ACCEPT",
    ],
  },
  {
    name: "conntrack + filter + SNAT",
    rules: ["iptables-legacy -t nat -A POSTROUTING -o wan0 -j SNAT --to-source 198.51.100.1-198.51.100.100"],
  },
];

/** The rules of a setup and of those before it. */
export function rulesOf(index) {
  return SETUPS.slice(0, index + 1).flatMap((setup) => setup.rules);
}

/** Runs a command line, words split at blanks; what follows its first line is its input. Throws what it complains of. */
export function run(net, text) {
  const end = text.indexOf("\n");
  const [argv0, ...args] = (end < 0 ? text : text.slice(0, end)).split(" ");
  let input = end < 0 ? null : text.slice(end + 1);
  let complaint = "";
  const write = (words) => {
    complaint += words;
    return true;
  };
  const read = () => {
    const part = input;
    input = null;
    return part;
  };
  const stdin = { read, readable: { arm: () => () => {} } };
  const host = { files: new FileSystem(net) };
  const streams = { stdin, stdout: { write: () => true }, stderr: { write } };
  const context = { net, host, args, argv0, ...streams, signal: () => null };
  const result = commands.get(argv0)(context);
  const status = typeof result === "number" ? result : result.next().value;
  if (status !== 0) throw new Error(`${argv0} ${args.join(" ")}: ${complaint}`);
}

/** A router that forwards from lan0 to wan0. */
export function makeRouter(rules) {
  const net = new NetNamespace("bench", new VirtualClock(), new SeededRandom(1));
  net.sysctl.lookup("net.ipv4.ip_forward").set("1");
  const device = (name, address) => {
    const dev = new TunDevice(net, name);
    net.ip.setUp(dev);
    net.ip.addAddress(dev, { local: parseIPv4(address), prefixLength: 16 });
    return dev;
  };
  const lan = device("lan0", "192.168.0.1");
  const wan = device("wan0", "198.51.100.1");
  for (const rule of rules) run(net, rule);
  return { net, lan, wan };
}

/** The client and port of a flow. */
function endOf(flow) {
  return { src: parseIPv4("192.168.0.2") + Math.floor(flow / PORTS), sport: 10_000 + (flow % PORTS) };
}

function udpPacket(flow) {
  const { src, sport } = endOf(flow);
  const payload = buildUdp({ sport, dport: 53, payload: new Uint8Array(18) }, src, SERVER);
  return buildIPv4({ src, dst: SERVER, protocol: 17, dontFragment: true, payload });
}

function tcpPacket(flow, flags) {
  const { src, sport } = endOf(flow);
  const payload = buildTcp(
    { sport, dport: 80, seq: flags & TCP_SYN ? 99 : 100, ack: flags & TCP_ACK ? 500 : 0, flags },
    src,
    SERVER,
  );
  return buildIPv4({ src, dst: SERVER, protocol: 6, dontFragment: true, payload });
}

/** The answer to a SYN, made from how it left. */
function synAck(sent) {
  const view = new DataView(sent.buffer, sent.byteOffset);
  const dst = view.getUint32(12);
  const payload = buildTcp(
    { sport: 80, dport: view.getUint16(20), seq: 499, ack: 100, flags: TCP_SYN | TCP_ACK },
    SERVER,
    dst,
  );
  return buildIPv4({ src: SERVER, dst, protocol: 6, dontFragment: true, payload });
}

/** The TCP connections of a router's flows, established by a handshake each. */
export function handshakes({ lan, wan }, flows) {
  for (let flow = 0; flow < flows; flow++) {
    let sent = null;
    wan.onTransmit = (bytes) => {
      sent = bytes.slice();
    };
    lan.inject(tcpPacket(flow, TCP_SYN));
    wan.inject(synAck(sent));
  }
}

/** One packet of each flow, all in one piece of memory, as words: a sender's buffers. */
export class Packets {
  #words;
  #stride;
  #order;
  #next = 0;
  #skb;
  #skbWords;
  length;

  /** `order`: `turn`, or `random` for the flows shuffled once. */
  constructor(protocol, flows, order = "turn") {
    const first = protocol === "udp" ? udpPacket(0) : tcpPacket(0, TCP_ACK);
    this.length = first.length;
    this.#stride = (first.length + 3) >> 2;
    this.#words = new Int32Array(this.#stride * flows);
    const bytes = new Uint8Array(this.#words.buffer);
    for (let flow = 0; flow < flows; flow++)
      bytes.set(protocol === "udp" ? udpPacket(flow) : tcpPacket(flow, TCP_ACK), flow * this.#stride * 4);
    this.#order = Uint32Array.from({ length: flows }, (_, i) => i);
    if (order === "random") shuffle(this.#order);
    this.#skbWords = new Int32Array(this.#stride);
    this.#skb = new SkBuff(new Uint8Array(this.#skbWords.buffer, 0, first.length));
  }

  /** The next packet is the first flow's again. */
  rewind() {
    this.#next = 0;
  }

  /** Sends `count` packets of the flows in turn into a device. The copying of a packet's words is part of it. */
  send(device, count) {
    const words = this.#words;
    const stride = this.#stride;
    const order = this.#order;
    const flows = order.length;
    const skb = this.#skb;
    const to = this.#skbWords;
    const { length } = this;
    let next = this.#next;
    for (let i = 0; i < count; i++) {
      const at = order[next] * stride;
      for (let word = 0; word < stride; word++) to[word] = words[at + word];
      skb.len = length;
      skb.scrub();
      skb.iif = null;
      device.injectSkb(skb);
      if (++next === flows) next = 0;
    }
    this.#next = next;
  }
}

/** The same order as sender.c's. */
function shuffle(order) {
  let state = 1;
  for (let i = order.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((state * (i + 1)) / 2 ** 32);
    const kept = order[i];
    order[i] = order[j];
    order[j] = kept;
  }
}

/**
 * A forwarding router with its sender: `burst(count)` forwards so many packets, and throws when one did not come out.
 * `before` are commands that come before the setup's own.
 */
export function forwarder({ setup, protocol, flows, order = "turn", before = [] }) {
  const router = makeRouter([...before, ...rulesOf(setup)]);
  router.net.sysctl.lookup("net.netfilter.nf_conntrack_max").set("2000000");
  if (protocol === "tcp") handshakes(router, flows);
  const packets = new Packets(protocol, flows, order);
  let left = 0;
  router.wan.onTransmit = () => {
    left++;
  };
  return {
    router,
    burst: (count) => {
      left = 0;
      packets.send(router.lan, count);
      if (left !== count) throw new Error(`${left} of ${count} packets were forwarded`);
    },
  };
}
