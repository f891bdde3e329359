/**
 * `nc`, OpenBSD's netcat as in Debian 12: connects or listens, TCP or UDP, and copies between the network and its
 * streams. Names are not looked up; proxies, Unix sockets, TLS and telnet are not supported, and say so.
 */
import {
  ECONNREFUSED,
  formatAddress,
  type InetAddress,
  parseAddress,
  SystemError,
  serviceName,
  servicePort,
  strerror,
  type TcpConnection,
  type TcpHandlers,
  type TcpListener,
  type UdpSocket,
} from "@netfilter-lab/engine";
import type { CommandProcess } from "../command.js";
import type { LabCommand, LabContext } from "../environment.js";
import { anyOf, Flag, pauseFor, sleepFor } from "../scheduler.js";
import { encodeText, textDecoder } from "../text-encoding.js";
import { OptionError, type ParsedOptions, parseOptions } from "./getopt.js";

const USAGE = `usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]
	  [-m minttl] [-O length] [-P proxy_username] [-p source_port]
	  [-q seconds] [-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]
	  [-w timeout] [-X proxy_protocol] [-x proxy_address[:port]]
	  [destination] [port]
`;

/**
 * What a turn of nc's loop takes: reading the input again after a write. It is longer than the way over a short cable
 * and back, so the FIN after the last data does not overtake the acknowledgement of that data, on Linux as here.
 */
const TURN_MICROS = 500;

const IPV6_ANY: Int32Array = new Int32Array(4);

interface NcOptions {
  readonly listen: boolean;
  readonly udp: boolean;
  readonly keep: boolean;
  readonly scan: boolean;
  readonly verbose: boolean;
  readonly numeric: boolean;
  /** `-N`: FIN after the end of the input. */
  readonly shutdown: boolean;
  /** `-d`: do not read the input. */
  readonly detached: boolean;
  /** `-b`. */
  readonly broadcast: boolean;
  /** `-q`, in microseconds after the end of the input; null without. */
  readonly quitMicros: number | null;
  /** `-w`, in microseconds; null without. */
  readonly timeoutMicros: number | null;
  /** `-i`, in microseconds between what is sent; 0 without. */
  readonly intervalMicros: number;
  /** `-W`: leave after so many packets received; 0 without. */
  readonly receiveLimit: number;
  readonly sourcePort: number | null;
  readonly sourceAddress: InetAddress | null;
  /** `-4` or `-6`; null for either. */
  readonly family: 4 | 6 | null;
  readonly ttl: number | null;
  readonly host: string | null;
  readonly ports: readonly number[];
}

class NcError extends Error {
  readonly usage: boolean;

  constructor(message: string, usage = false) {
    super(message);
    this.usage = usage;
  }
}

function portsOf(text: string, udp: boolean): number[] {
  const single = (part: string): number => {
    const named = servicePort(part, udp ? "udp" : "tcp");
    if (named !== undefined) return named;
    if (!/^\d+$/.test(part)) throw new NcError(`port number invalid: ${part}`);
    if (Number(part) > 65535) throw new NcError(`port number too large: ${part}`);
    if (Number(part) === 0) throw new NcError(`port number too small: ${part}`);
    return Number(part);
  };
  const range = /^(\d+)-(\d+)$/.exec(text);
  if (range === null) return [single(text)];
  const [low, high] = [single(range[1]), single(range[2])].sort((a, b) => a - b);
  return Array.from({ length: high - low + 1 }, (_, i) => low + i);
}

/** An address with the device that a `%eth0` behind it names. */
interface Host {
  readonly address: InetAddress;
  readonly device: string | null;
}

/** Models getaddrinfo(3) for `port`, its text in the message (null: nc asks without a host of its own). */
function hostOf(text: string, family: 4 | 6 | null, port: string | null): Host {
  const asked = port === null ? "" : ` for host "${text}" port ${port}`;
  const [name, device = null] = text.split("%", 2);
  let address: InetAddress;
  try {
    address = parseAddress(name);
  } catch {
    // Nobody is asked for a name with a colon in it.
    const answer = text.includes(":") ? "Name or service not known" : "Temporary failure in name resolution";
    throw new NcError(`getaddrinfo${asked}: ${answer}`);
  }
  if (family !== null && (typeof address === "number") !== (family === 4))
    throw new NcError(`getaddrinfo${asked}: Address family for hostname not supported`);
  return { address, device };
}

/** An address as nc shows it: that of an IPv4 peer of an IPv6 socket within IPv6's. */
const shown = (address: InetAddress, mapped = false): string =>
  mapped ? `::ffff:${formatAddress(address)}` : formatAddress(address);

function parse(context: LabContext): NcOptions {
  let parsed: ParsedOptions;
  try {
    parsed = parseOptions("nc", context.args, { short: "46bCDdFhklNnrStUuvZzI:i:M:m:O:P:p:q:s:T:V:W:w:X:x:" });
  } catch (error) {
    if (error instanceof OptionError)
      throw new NcError(error.message.startsWith("nc: invalid option") ? "" : error.message.slice(4), true);
    throw error;
  }
  const has = (key: string): boolean => parsed.options.some((option) => option.key === key);
  const value = (key: string): string | null =>
    parsed.options.filter((option) => option.key === key).at(-1)?.value ?? null;
  for (const key of "CDFSTUXxtPVZrmIO") if (has(key)) throw new NcError(`-${key}: not supported by the lab`);
  const seconds = (key: string, what: string): number | null => {
    const text = value(key);
    if (text === null) return null;
    if (!/^-?\d+$/.test(text)) throw new NcError(`${what} invalid: ${text}`);
    return Number(text) < 0 ? null : Number(text) * 1_000_000;
  };
  const operands = [...parsed.operands];
  const udp = has("u");
  const listen = has("l");
  const sourcePort = value("p");
  let host: string | null = null;
  let portText: string | null = null;
  if (listen) {
    // `nc -l 443`, `nc -l -p 443`, `nc -l 192.0.2.1 443`.
    if (operands.length === 0) portText = sourcePort;
    else if (operands.length === 1) {
      if (sourcePort === null) portText = operands[0];
      else {
        host = operands[0];
        portText = sourcePort;
      }
    } else [host, portText] = operands;
    if (portText === null) throw new NcError("missing port number");
  } else {
    if (operands.length === 0) throw new NcError("", true);
    if (operands.length === 1) throw new NcError("missing port number");
    [host, portText] = operands;
  }
  const ttl = value("M");
  // The last of -4 and -6 counts.
  const asked = parsed.options.filter(({ key }) => key === "4" || key === "6").at(-1)?.key;
  const family = asked === undefined ? null : asked === "6" ? 6 : 4;
  return {
    listen,
    udp,
    keep: has("k"),
    scan: has("z"),
    verbose: has("v"),
    numeric: has("n"),
    shutdown: has("N") || (seconds("q", "quit timer") ?? -1) >= 0,
    detached: has("d"),
    broadcast: has("b"),
    quitMicros: seconds("q", "quit timer"),
    timeoutMicros: seconds("w", "timeout"),
    intervalMicros: seconds("i", "interval") ?? 0,
    receiveLimit: Number(value("W") ?? 0),
    sourcePort: sourcePort === null || listen ? null : portsOf(sourcePort, udp)[0],
    family,
    sourceAddress: value("s") === null ? null : hostOf(value("s") ?? "", family, null).address,
    ttl: ttl === null ? null : Number(ttl),
    host,
    ports: portsOf(portText, udp),
  };
}

export const nc: LabCommand = function* (context) {
  const { stderr } = context;
  let options: NcOptions;
  try {
    options = parse(context);
    if (options.listen) return yield* listen(context, options);
    return yield* connect(context, options, hostOf(options.host ?? "", options.family, String(options.ports[0])));
  } catch (error) {
    if (!(error instanceof NcError)) throw error;
    if (error.message !== "") stderr.write(`nc: ${error.message}\n`);
    if (error.usage) stderr.write(USAGE);
    return 1;
  }
};

/** What happens on a connection, told to the generator that copies; socat has the same. */
export class TcpEvents implements TcpHandlers {
  readonly happened: Flag = new Flag();
  text = "";
  packets = 0;
  connected = false;
  ended = false;
  errno: number | null = null;
  readonly #decode: (bytes: Uint8Array) => string = textDecoder();

  onConnect(): void {
    this.connected = true;
    this.happened.set();
  }
  onData(bytes: Uint8Array): void {
    this.text += this.#decode(bytes);
    this.packets++;
    this.happened.set();
  }
  onEnd(): void {
    this.ended = true;
    this.happened.set();
  }
  onWritable(): void {
    this.happened.set();
  }
  onError(errno: number): void {
    this.errno = errno;
    this.happened.set();
  }
}

/** Calls the kernel; a refusal becomes nc's message. */
function system<T>(action: () => T, message: (text: string) => string): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof SystemError) throw new NcError(message(strerror(error.errno)));
    throw error;
  }
}

function* connect(context: LabContext, options: NcOptions, { address, device }: Host): CommandProcess {
  const { net, stderr } = context;
  const host = formatAddress(address);
  const bound = device === null ? {} : { device };
  if (options.sourceAddress !== null && typeof options.sourceAddress !== typeof address)
    throw new NcError("getaddrinfo: Address family for hostname not supported");
  let status = 1;
  for (const port of options.ports) {
    const label = `${options.udp ? "udp" : "tcp"}/${(options.numeric ? undefined : serviceName(port, options.udp ? "udp" : "tcp")) ?? "*"}`;
    const succeeded = (): void => {
      if (options.verbose) stderr.write(`Connection to ${host} ${port} port [${label}] succeeded!\n`);
    };
    if (options.udp) {
      const socket = system(
        () =>
          net.sockets.udp.open({
            ...bound,
            ...(typeof address === "number" ? {} : { address: net.sockets.anyOf(address) }),
            ...(options.sourceAddress === null ? {} : { address: options.sourceAddress }),
            ...(options.sourcePort === null ? {} : { port: options.sourcePort }),
            ...(options.ttl === null ? {} : { ttl: options.ttl }),
            broadcast: options.broadcast,
          }),
        (text) => `bind failed: ${text}`,
      );
      try {
        socket.connect(address, port);
      } catch (error) {
        socket.close();
        if (!(error instanceof SystemError)) throw error;
        if (options.verbose)
          stderr.write(`nc: connect to ${host} port ${port} (udp) failed: ${strerror(error.errno)}\n`);
        continue;
      }
      const result = yield* udpExchange(context, options, socket, succeeded);
      status = result;
      continue;
    }
    const events = new TcpEvents();
    let connection: TcpConnection;
    try {
      connection = net.sockets.tcp.connect(
        {
          address,
          port,
          ...bound,
          reuseAddress: false,
          ...(options.sourceAddress === null ? {} : { localAddress: options.sourceAddress }),
          ...(options.sourcePort === null ? {} : { localPort: options.sourcePort }),
          ...(options.ttl === null ? {} : { ttl: options.ttl }),
        },
        events,
      );
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      if (error.code === "EADDRINUSE" || error.code === "EADDRNOTAVAIL")
        throw new NcError(`bind failed: ${strerror(error.errno)}`);
      if (options.verbose) stderr.write(`nc: connect to ${host} port ${port} (tcp) failed: ${strerror(error.errno)}\n`);
      continue;
    }
    let closed = false;
    try {
      const begun = net.clock.nowMicros;
      while (!events.connected && events.errno === null) {
        const left = options.timeoutMicros === null ? null : begun + options.timeoutMicros - net.clock.nowMicros;
        if (left !== null && left <= 0) break;
        yield left === null ? events.happened.wait : anyOf(events.happened.wait, pauseFor(net.clock, left));
        events.happened.clear();
      }
      if (!events.connected) {
        if (options.verbose)
          stderr.write(
            `nc: connect to ${host} port ${port} (tcp) ${events.errno === null ? "timed out: Operation now in progress" : `failed: ${strerror(events.errno)}`}\n`,
          );
        if (events.errno === null) connection.abort();
        else connection.close();
        closed = true;
        continue;
      }
      succeeded();
      status = 0;
      if (!options.scan) status = yield* copy(context, options, connection, events);
      connection.close();
      closed = true;
    } finally {
      if (!closed) connection.close();
    }
  }
  return status;
}

/** Copies both ways until both are done, as nc's loop does. */
function* copy(context: LabContext, options: NcOptions, connection: TcpConnection, events: TcpEvents): CommandProcess {
  const { net, stdin, stdout } = context;
  let inputOpen = !options.detached;
  let pending: Uint8Array = new Uint8Array(0);
  let shut = false;
  let quitAt: number | null = null;
  let lastActivity = net.clock.nowMicros;
  for (;;) {
    events.happened.clear();
    if (events.text !== "") {
      const { text } = events;
      events.text = "";
      lastActivity = net.clock.nowMicros;
      if (!stdout.write(text)) return 0;
      if (options.receiveLimit > 0 && events.packets >= options.receiveLimit) return 0;
    }
    if (events.errno !== null) return 0;
    if (pending.length > 0) {
      try {
        pending = pending.slice(connection.write(pending));
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        return 1;
      }
      if (pending.length === 0) yield pauseFor(net.clock, Math.max(options.intervalMicros, TURN_MICROS));
    }
    if (inputOpen && pending.length === 0) {
      const text = stdin.read();
      if (text === null) {
        inputOpen = false;
        if (options.quitMicros !== null) quitAt = net.clock.nowMicros + options.quitMicros;
      } else if (text !== "") {
        pending = encodeText(text);
        lastActivity = net.clock.nowMicros;
        continue;
      }
    }
    if (!inputOpen && pending.length === 0 && options.shutdown && !shut) {
      connection.shutdown();
      shut = true;
    }
    // A listener leaves as soon as the peer has said all; a client when its own input is at an end as well. The peer's
    // last words may have come with its end, while this turn's own were sent.
    if (events.ended && events.text === "" && pending.length === 0 && (options.listen || !inputOpen)) return 0;
    if (quitAt !== null && net.clock.nowMicros >= quitAt) return 0;
    const deadlines = [quitAt, options.timeoutMicros === null ? null : lastActivity + options.timeoutMicros].filter(
      (at) => at !== null,
    );
    const deadline = deadlines.length > 0 ? Math.min(...deadlines) : null;
    if (options.timeoutMicros !== null && net.clock.nowMicros >= lastActivity + options.timeoutMicros) return 0;
    const waits = [events.happened.wait];
    if (inputOpen && pending.length === 0) waits.push(stdin.readable);
    if (deadline !== null) waits.push(pauseFor(net.clock, deadline - net.clock.nowMicros));
    yield anyOf(...waits);
  }
}

function* listen(context: LabContext, options: NcOptions): CommandProcess {
  const { net, stderr } = context;
  const port = options.ports[0];
  const any = options.family === 6 ? IPV6_ANY : 0;
  const { address, device } =
    options.host === null
      ? { address: options.sourceAddress ?? any, device: null }
      : hostOf(options.host, options.family, null);
  const bound = { address, port, ...(device === null ? {} : { device }) };
  if (options.udp) return yield* listenUdp(context, options, bound);
  const held: { listener: TcpListener | null } = { listener: null };
  const accepted: { connection: TcpConnection; events: TcpEvents }[] = [];
  const arrived = new Flag();
  const open = (): TcpListener =>
    system(
      () =>
        net.sockets.tcp.listen(
          { ...bound, backlog: 1 },
          {
            onAccept: (connection) => {
              const events = new TcpEvents();
              connection.handlers = events;
              accepted.push({ connection, events });
              // One at a time: the others wait in the backlog.
              held.listener?.pause();
              arrived.set();
            },
          },
        ),
      (text) => text,
    );
  try {
    held.listener = open();
    if (options.verbose) stderr.write(`Listening on ${formatAddress(address)} ${port}\n`);
    do {
      const patience = options.timeoutMicros === null ? null : sleepFor(net.clock, options.timeoutMicros);
      while (accepted.length === 0) {
        arrived.clear();
        if (patience !== null && net.clock.nowMicros >= patience.endsAtMicros) return 1;
        yield patience === null
          ? arrived.wait
          : anyOf(arrived.wait, pauseFor(net.clock, patience.endsAtMicros - net.clock.nowMicros));
      }
      const { connection, events } = accepted.shift() as { connection: TcpConnection; events: TcpEvents };
      if (!options.keep) {
        held.listener?.close();
        held.listener = null;
      }
      if (options.verbose)
        stderr.write(
          `Connection received on ${shown(connection.remoteAddress, connection.mapped)} ${connection.remotePort}\n`,
        );
      try {
        if (!options.scan) yield* copy(context, options, connection, events);
      } finally {
        connection.close();
      }
      held.listener?.resume();
    } while (options.keep);
    return 0;
  } finally {
    held.listener?.close();
    for (const { connection } of accepted) connection.close();
  }
}

/** A datagram socket's news. */
interface UdpNews {
  readonly datagrams: { text: string; address: InetAddress; port: number }[];
  errno: number | null;
  readonly happened: Flag;
}

function watchUdp(socket: UdpSocket): UdpNews {
  const news: UdpNews = { datagrams: [], errno: null, happened: new Flag() };
  socket.handlers = {
    onMessage: (bytes, address, port) => {
      news.datagrams.push({ text: textDecoder()(bytes), address, port });
      news.happened.set();
    },
    onError: (errno) => {
      news.errno = errno;
      news.happened.set();
    },
  };
  return news;
}

function* udpExchange(
  context: LabContext,
  options: NcOptions,
  socket: UdpSocket,
  succeeded: () => void,
): CommandProcess {
  const { net } = context;
  const news = watchUdp(socket);
  try {
    if (options.scan || options.verbose) {
      // UDP says nothing of success: nc sends a few datagrams and waits whether an error comes back.
      for (let i = 0; i < 2; i++) {
        if (!sendUdp(socket, encodeText("X"))) return 1;
        yield pauseFor(net.clock, 1_000_000);
        if (news.errno !== null) return 1;
      }
      succeeded();
      if (options.scan) return 0;
    }
    return yield* copyUdp(context, options, socket, news);
  } finally {
    socket.close();
  }
}

/** Sends; false when the kernel says that nobody is there. */
function sendUdp(socket: UdpSocket, bytes: Uint8Array): boolean {
  try {
    socket.send(bytes);
    return true;
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return error.errno !== ECONNREFUSED;
  }
}

function* copyUdp(context: LabContext, options: NcOptions, socket: UdpSocket, news: UdpNews): CommandProcess {
  const { net, stdin, stdout } = context;
  let inputOpen = !options.detached;
  let quitAt: number | null = null;
  let lastActivity = net.clock.nowMicros;
  let received = 0;
  for (;;) {
    news.happened.clear();
    while (news.datagrams.length > 0) {
      lastActivity = net.clock.nowMicros;
      stdout.write(news.datagrams.shift()?.text ?? "");
      if (options.receiveLimit > 0 && ++received >= options.receiveLimit) return 0;
    }
    if (news.errno !== null) return 0;
    if (inputOpen) {
      const text = stdin.read();
      if (text === null) {
        inputOpen = false;
        if (options.quitMicros !== null) quitAt = net.clock.nowMicros + options.quitMicros;
      } else if (text !== "") {
        lastActivity = net.clock.nowMicros;
        if (!sendUdp(socket, encodeText(text))) return 1;
        if (options.intervalMicros > 0) yield pauseFor(net.clock, options.intervalMicros);
        continue;
      }
    }
    if (quitAt !== null && net.clock.nowMicros >= quitAt) return 0;
    if (options.timeoutMicros !== null && net.clock.nowMicros >= lastActivity + options.timeoutMicros) return 0;
    const deadlines = [quitAt, options.timeoutMicros === null ? null : lastActivity + options.timeoutMicros].filter(
      (at) => at !== null,
    );
    const waits = [news.happened.wait];
    if (inputOpen) waits.push(stdin.readable);
    if (deadlines.length > 0) waits.push(pauseFor(net.clock, Math.min(...deadlines) - net.clock.nowMicros));
    yield anyOf(...waits);
  }
}

function* listenUdp(
  context: LabContext,
  options: NcOptions,
  bound: { readonly address: InetAddress; readonly port: number; readonly device?: string },
): CommandProcess {
  const { net, stderr, stdout } = context;
  const socket = system(
    () => net.sockets.udp.open({ ...bound, reuseAddress: true }),
    (text) => text,
  );
  const news = watchUdp(socket);
  try {
    if (options.verbose) stderr.write(`Bound on ${formatAddress(bound.address)} ${bound.port}\n`);
    if (options.keep) {
      for (;;) {
        news.happened.clear();
        while (news.datagrams.length > 0) stdout.write(news.datagrams.shift()?.text ?? "");
        yield news.happened.wait;
      }
    }
    while (news.datagrams.length === 0) {
      news.happened.clear();
      yield news.happened.wait;
    }
    const [first] = news.datagrams;
    system(
      () => socket.connect(first.address, first.port),
      (text) => `connect: ${text}`,
    );
    if (options.verbose) {
      const mapped = typeof first.address === "number" && typeof bound.address !== "number";
      stderr.write(`Connection received on ${shown(first.address, mapped)} ${first.port}\n`);
    }
    return yield* copyUdp(context, options, socket, news);
  } finally {
    socket.close();
  }
}
