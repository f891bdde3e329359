/**
 * `ping` of iputils 20221126: echo requests over virtual time, replies, errors and statistics. Names are not looked up;
 * flooding, record route and timestamps are not supported, and say so.
 */
import {
  EACCES,
  EMSGSIZE,
  ENOBUFS,
  formatAddress,
  formatIPv4,
  type InetAddress,
  type PingError,
  type PingReply,
  type PingSocket,
  parseAddress,
  SystemError,
  strerror,
} from "@netfilter-lab/engine";
import type { CommandProcess } from "../command.js";
import type { LabCommand, LabContext } from "../environment.js";
import { anyOf, Flag, pauseFor } from "../scheduler.js";
import { lastOption, OptionError, type ParsedOptions, parseOptions } from "./getopt.js";
import { PING_USAGE } from "./usage.js";

const UNREACHABLE: readonly string[] = [
  "Destination Net Unreachable",
  "Destination Host Unreachable",
  "Destination Protocol Unreachable",
  "Destination Port Unreachable",
  "Frag needed and DF set (mtu = %u)",
  "Source Route Failed",
  "Destination Net Unknown",
  "Destination Host Unknown",
  "Source Host Isolated",
  "Destination Net Prohibited",
  "Destination Host Prohibited",
  "Destination Net Unreachable for Type of Service",
  "Destination Host Unreachable for Type of Service",
  "Packet filtered",
  "Precedence Violation",
  "Precedence Cutoff",
];

function errorText(error: PingError): string {
  if (error.type === 3)
    return (UNREACHABLE[error.code] ?? `Dest Unreachable, Bad Code: ${error.code}`).replace(
      "%u",
      String(error.info & 0xffff),
    );
  if (error.type === 11) {
    if (error.code === 0) return "Time to live exceeded";
    if (error.code === 1) return "Frag reassembly time exceeded";
    return `Time exceeded, Bad Code: ${error.code}`;
  }
  if (error.type === 5) {
    const kinds = [
      "Redirect Network",
      "Redirect Host",
      "Redirect Type of Service and Network",
      "Redirect Type of Service and Host",
    ];
    return `${kinds[error.code] ?? `Redirect, Bad Code: ${error.code}`}(New nexthop: ${formatIPv4(error.info)})`;
  }
  if (error.type === 4) return "Source Quench";
  if (error.type === 12) return `Parameter problem: pointer = ${error.info >>> 24}`;
  return `Bad ICMP type: ${error.type}`;
}

const UNREACHABLE6: readonly string[] = [
  "No route",
  "Administratively prohibited",
  "Beyond scope of source address",
  "Address unreachable",
  "Port unreachable",
];

function errorText6({ type, code, info }: PingError): string {
  switch (type) {
    case 1:
      return `Destination unreachable: ${UNREACHABLE6[code] ?? `Unknown code ${code}`}`;
    case 2:
      return `Packet too big: mtu=${info}${code === 0 ? "" : `, code=${code}`}`;
    case 3:
      return `Time exceeded: ${["Hop limit", "Defragmentation failure"][code] ?? `code ${code}`}`;
    case 4:
      return `Parameter problem: ${["Wrong header field ", "Unknown header ", "Unknown option "][code] ?? `code ${code} `}at ${info}`;
    default:
      return `unknown icmp type: ${type}`;
  }
}

/** A time in microseconds as ping shows a round trip: three figures. */
function tripText(micros: number): string {
  if (micros >= 100_000) return String(Math.floor((micros + 500) / 1000));
  if (micros >= 10_000) return `${Math.floor(micros / 1000)}.${Math.floor((micros % 1000) / 100)}`;
  if (micros >= 1000)
    return `${Math.floor(micros / 1000)}.${String(Math.floor((micros % 1000) / 10)).padStart(2, "0")}`;
  return `0.${String(micros).padStart(3, "0")}`;
}

const millis = (micros: number): string =>
  `${Math.floor(micros / 1000)}.${String(Math.floor(micros % 1000)).padStart(3, "0")}`;

interface PingOptions {
  readonly target: string;
  readonly count: number;
  readonly intervalMicros: number;
  readonly deadlineMicros: number | null;
  readonly lingerMicros: number;
  readonly size: number;
  readonly ttl: number | null;
  readonly source: string | null;
  readonly mark: number | null;
  readonly quiet: boolean;
  readonly stamps: boolean;
  /** Echo identifier; null: the kernel's choice. */
  readonly identifier: number | null;
  readonly discovery: string | null;
  /** `-4` or `-6`; null for either. */
  readonly family: 4 | 6 | null;
}

class PingFailure extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

function parse(context: LabContext): PingOptions {
  let parsed: ParsedOptions;
  try {
    parsed = parseOptions("ping", context.args, { short: "46aAbBc:CdDe:fhi:I:l:Lm:M:nOp:qQ:rRs:S:t:T:UvVw:W:" });
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new PingFailure(`${error.message}\n\n${PING_USAGE}`, 2);
  }
  const text = (key: string): string | null =>
    lastOption(parsed.options, (option) => option.key === key)?.value ?? null;
  const has = (key: string): boolean => parsed.options.some((option) => option.key === key);
  for (const key of "aAbflLOpQrRSTUC")
    if (has(key)) throw new PingFailure(`ping: -${key}: not supported by the lab`, 2);
  const integer = (key: string, low: number, high: number | string, otherwise: number): number => {
    const given = text(key);
    if (given === null) return otherwise;
    if (!/^-?\d+$/.test(given)) throw new PingFailure(`ping: invalid argument: '${given}'`, 1);
    if (Number(given) < low || Number(given) > Number(high))
      throw new PingFailure(`ping: invalid argument: '${given}': out of range: ${low} <= value <= ${high}`, 1);
    return Number(given);
  };
  const seconds = (key: string, otherwise: number): number => {
    const given = text(key);
    if (given === null) return otherwise;
    if (!/^\d*\.?\d+$/.test(given)) throw new PingFailure(`ping: bad timing interval: ${given}`, 2);
    return Math.round(Number(given) * 1_000_000);
  };
  if (parsed.operands.length === 0) throw new PingFailure("ping: usage error: Destination address required", 1);
  const discovery = text("M");
  if (discovery !== null && !["do", "dont", "want"].includes(discovery))
    throw new PingFailure(`ping: invalid -M argument: ${discovery}`, 2);
  return {
    target: parsed.operands[0],
    count: integer("c", 1, "9223372036854775807", 0),
    intervalMicros: seconds("i", 1_000_000),
    deadlineMicros: text("w") === null ? null : integer("w", 0, 2147483647, 0) * 1_000_000,
    lingerMicros: seconds("W", 10_000_000),
    size: integer("s", 0, 127992, 56),
    ttl: text("t") === null ? null : integer("t", 0, 255, 64),
    source: text("I"),
    mark: text("m") === null ? null : integer("m", 0, 4294967295, 0),
    quiet: has("q"),
    stamps: has("D"),
    identifier: text("e") === null ? null : integer("e", 0, 65535, 0),
    discovery,
    family: has("6") ? 6 : has("4") ? 4 : null,
  };
}

export const ping: LabCommand = function* (context) {
  try {
    return yield* run(context, parse(context));
  } catch (error) {
    if (!(error instanceof PingFailure)) throw error;
    context.stderr.write(`${error.message}\n`);
    return error.status;
  }
};

interface Opened {
  readonly socket: PingSocket;
  readonly address: InetAddress;
  readonly heading: string;
}

/** An address, with the device that a `%eth0` behind it names. Throws what getaddrinfo(3) makes ping say. */
function targetOf({ target, family }: PingOptions): { address: InetAddress; device: string | null } {
  const [name, device = null] = target.split("%", 2);
  let address: InetAddress;
  try {
    address = parseAddress(name);
  } catch {
    const answer = target.includes(":") ? "Name or service not known" : "Temporary failure in name resolution";
    throw new PingFailure(`ping: ${target}: ${answer}`, 2);
  }
  if (family !== null && (typeof address === "number") !== (family === 4))
    throw new PingFailure(`ping: ${target}: Address family for hostname not supported`, 2);
  return { address, device };
}

function open(context: LabContext, options: PingOptions): Opened {
  const { net } = context;
  const { address, device: scope } = targetOf(options);
  const ipv6 = typeof address !== "number";
  let device: string | null = scope;
  let localAddress: InetAddress | null = null;
  if (options.source !== null) {
    try {
      localAddress = parseAddress(options.source);
    } catch {
      device = options.source;
      if (!net.devices.has(device)) throw new PingFailure(`ping: SO_BINDTODEVICE ${device}: No such device`, 2);
    }
  }
  if (localAddress !== null && (typeof localAddress === "number") === ipv6)
    throw new PingFailure(`ping: ${options.source}: Address family for hostname not supported`, 2);
  try {
    const socket = net.sockets.ping.open({
      ipv6,
      ...(localAddress === null ? {} : { localAddress }),
      ...(device === null ? {} : { device }),
      ...(options.ttl === null ? {} : { ttl: options.ttl }),
      ...(options.identifier === null ? {} : { id: options.identifier }),
      ...(options.mark === null ? {} : { mark: options.mark }),
      // Path MTU discovery "want": DF unless this host itself must cut the packet up.
      dontFragment:
        options.discovery === "do" ||
        (!ipv6 && options.discovery !== "dont" && options.size + 28 <= mtuTo(context, address)),
    });
    const source = socket.sourceFor(address);
    const from =
      options.source === null
        ? ""
        : localAddress !== null
          ? `from ${formatAddress(localAddress)} : `
          : `from ${formatAddress(source)} ${device}: `;
    const shown = formatAddress(address);
    const heading = ipv6
      ? `PING ${options.target}(${shown}${scope === null ? "" : `%${scope}`}) ${from}${options.size} data bytes\n`
      : `PING ${options.target} (${shown}) ${from}${options.size}(${options.size + 28}) bytes of data.\n`;
    return { socket, address, heading };
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    if (error.errno === EACCES)
      throw new PingFailure("ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules", 2);
    const call = options.source === null ? "connect" : ipv6 ? "bind icmp socket" : "bind";
    throw new PingFailure(`ping: ${call}: ${strerror(error.errno)}`, 2);
  }
}

function* run(context: LabContext, options: PingOptions): CommandProcess {
  const { net, stdout, stderr } = context;
  const { clock } = net;
  const { socket, address, heading } = open(context, options);
  const ipv6 = typeof address !== "number";
  // An address of the link is shown with the device it holds for.
  const peerText = (peer: InetAddress, device: string | null): string => {
    const linkLocal = typeof peer !== "number" && peer[0] >>> 22 === 0xfe80 >>> 6;
    const link = linkLocal ? (net.ip6.fib.lookupLocal(peer)?.dev.name ?? device) : null;
    return `${formatAddress(peer)}${link === null ? "" : `%${link}`}`;
  };
  const happened = new Flag();
  const sentAt = new Map<number, number>();
  const trips: number[] = [];
  let transmitted = 0;
  let received = 0;
  let errors = 0;
  let pipe = 0;
  let startedAt = 0;
  let lastSentAt = 0;
  const news: (() => void)[] = [];
  const acknowledge = (sequence: number): void => {
    pipe = Math.max(pipe, transmitted - sequence + 1);
  };
  const stamp = (): string => {
    if (!options.stamps) return "";
    const micros = clock.epochMillis * 1000 + clock.nowMicros;
    return `[${Math.floor(micros / 1_000_000)}.${String(micros % 1_000_000).padStart(6, "0")}] `;
  };
  const onReply = (reply: PingReply): void => {
    const micros = clock.nowMicros - (sentAt.get(reply.sequence) ?? clock.nowMicros);
    const timed = options.size >= 16;
    received++;
    acknowledge(reply.sequence);
    if (timed) trips.push(micros);
    if (!options.quiet)
      news.push(() =>
        stdout.write(
          `${stamp()}${reply.bytes} bytes from ${peerText(reply.address, reply.device)}: icmp_seq=${reply.sequence} ttl=${reply.ttl}` +
            `${timed ? ` time=${tripText(micros)} ms` : ""}\n`,
        ),
      );
    happened.set();
  };
  const onError = (error: PingError): void => {
    // A redirect is news, not a failure: the request itself was forwarded.
    if (ipv6 || error.type !== 5) {
      errors++;
      acknowledge(error.sequence);
    }
    if (!options.quiet)
      news.push(() =>
        stdout.write(
          `${stamp()}From ${peerText(error.address, error.device)}${!ipv6 && error.type === 5 ? ":" : ""} icmp_seq=${error.sequence} ${ipv6 ? errorText6(error) : errorText(error)}\n`,
        ),
      );
    happened.set();
  };
  socket.handlers = { onReply, onError };
  const payload = new Uint8Array(options.size);
  for (let i = 0; i < payload.length; i++) payload[i] = i & 0xff;
  /** How often no device took a request since one was sent. */
  let refusals = 0;
  const send = (): void => {
    const sequence = ++transmitted;
    lastSentAt = clock.nowMicros;
    sentAt.set(sequence, clock.nowMicros);
    try {
      socket.send(address, sequence & 0xffff, payload);
      refusals = 0;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      if (error.errno === EMSGSIZE) {
        errors++;
        acknowledge(sequence);
        stderr.write(`ping: local error: message too long, mtu${ipv6 ? ": " : "="}${mtuTo(context, address)}\n`);
      } else if (error.errno === ENOBUFS) {
        // The request is tried again, until waiting for it would have taken as long as waiting for an answer.
        const pause = Math.min(Math.max(options.intervalMicros / 2, 10_000), 500_000);
        if (++refusals * pause < options.lingerMicros) transmitted--;
        else if (!options.quiet) stderr.write(`ping: sendmsg: ${strerror(ENOBUFS)}\n`);
      }
    }
  };
  const print = (): void => {
    happened.clear();
    for (const show of news.splice(0)) show();
  };
  stdout.write(heading);
  startedAt = clock.nowMicros;
  const deadline = options.deadlineMicros === null ? null : startedAt + options.deadlineMicros;
  try {
    send();
    for (;;) {
      print();
      const enough = options.count > 0 && received + errors >= options.count;
      if (enough || (deadline !== null && clock.nowMicros >= deadline)) break;
      const allSent = options.count > 0 && transmitted >= options.count && deadline === null;
      const longest = Math.max(0, ...trips);
      const patience = received > 0 ? Math.max(2 * longest, options.intervalMicros) : options.lingerMicros;
      const at = allSent ? lastSentAt + patience : lastSentAt + options.intervalMicros;
      if (clock.nowMicros >= at) {
        if (allSent) break;
        send();
        continue;
      }
      const until = deadline === null ? at : Math.min(at, deadline);
      yield anyOf(happened.wait, pauseFor(clock, until - clock.nowMicros));
    }
  } finally {
    print();
    socket.close();
    if (context.signal() !== "SIGTERM" && context.signal() !== "SIGKILL") {
      const counted = errors > 0 ? `, +${errors} errors` : "";
      const lost =
        transmitted === 0
          ? ""
          : `, ${lossText(transmitted, received)}% packet loss, time ${Math.floor((lastSentAt - startedAt) / 1000)}ms`;
      stdout.write(`\n--- ${options.target} ping statistics ---\n`);
      stdout.write(`${transmitted} packets transmitted, ${received} received${counted}${lost}\n`);
      const summary = received > 0 && trips.length > 0 ? rttText(trips) : "";
      if (context.signal() === "SIGINT") context.catches(received === 0 ? 1 : 0);
      stdout.write(`${summary}${pipe > 1 ? `${summary === "" ? "" : ", "}pipe ${pipe}` : ""}\n`);
    }
  }
  if (received === 0 || (deadline !== null && options.count > 0 && received < options.count)) return 1;
  return 0;
}

/** Percents as `%g` shows them. */
function lossText(transmitted: number, received: number): string {
  return String(Number((((transmitted - received) * 100) / transmitted).toPrecision(6)));
}

function rttText(trips: readonly number[]): string {
  const sum = trips.reduce((total, trip) => total + trip, 0);
  const average = Math.floor(sum / trips.length);
  const squares = trips.reduce((total, trip) => total + trip * trip, 0);
  const deviation = Math.floor(Math.sqrt(Math.max(0, Math.floor(squares / trips.length) - average * average)));
  return `rtt min/avg/max/mdev = ${millis(Math.min(...trips))}/${millis(average)}/${millis(Math.max(...trips))}/${millis(deviation)} ms`;
}

function mtuTo({ net }: LabContext, address: InetAddress): number {
  if (typeof address === "number") return net.ip.routeOutput(address, 0, 0, null)?.mtu ?? 1500;
  return net.ip6.pathMtu(net.ip6.route(address, null), address);
}
