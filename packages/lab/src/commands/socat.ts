/**
 * `socat`, as in Debian 12: two addresses, between which bytes go both ways. TCP and UDP, the standard streams and an
 * unnamed pipe; what makes it worth having here is `ip-transparent`, by which a socket takes the packets that `-j
 * TPROXY` gives it. Files, programs, TLS and proxies are not supported, and say so.
 */
import {
  formatAddress,
  formatWholeIPv6,
  type InetAddress,
  parseAddress,
  SystemError,
  servicePort,
  strerror,
  type TcpConnection,
  type TcpListener,
  type UdpSocket,
} from "@netfilter-lab/engine";
import type { CommandProcess, Wait } from "../command.js";
import type { LabCommand, LabContext } from "../environment.js";
import { anyOf, Flag, pauseFor } from "../scheduler.js";
import { Pipe } from "../streams.js";
import { encodeText, textDecoder } from "../text-encoding.js";
import { OptionError, parseOptions } from "./getopt.js";
import { TcpEvents } from "./nc.js";
import { labDate } from "./system-tools.js";

const AF_INET = 2;
const AF_INET6 = 10;
/** `-t`: how long the other direction may go on when one has ended. */
const CLOSING_SECONDS = 0.5;
const BACKLOG = 5;
/** Of the first file that the program opens. */
const DESCRIPTOR = 5;

/** A message of severity "error", which ends the program. */
class SocatError extends Error {}

/** What one of the two addresses says. */
interface Address {
  readonly keyword: string;
  readonly parameters: readonly string[];
  readonly options: ReadonlyMap<string, string | null>;
}

const ALIASES: ReadonlyMap<string, string> = new Map([
  ["TCP-LISTEN", "TCP4-LISTEN"],
  ["TCP-L", "TCP4-LISTEN"],
  ["TCP", "TCP4"],
  ["TCP-CONNECT", "TCP4"],
  ["TCP4-CONNECT", "TCP4"],
  ["TCP6-CONNECT", "TCP6"],
  ["UDP-RECV", "UDP4-RECV"],
  ["UDP-SENDTO", "UDP4-SENDTO"],
  ["STDIO", "-"],
]);

/** Each address that there is here, with its parameters and options. */
const ADDRESSES: ReadonlyMap<string, readonly [parameters: number, options: readonly string[]]> = new Map([
  ["TCP4-LISTEN", [1, ["bind", "fork", "ip-transparent", "reuseaddr"]]],
  ["TCP6-LISTEN", [1, ["bind", "fork", "ip-transparent", "reuseaddr"]]],
  ["TCP4", [2, ["bind", "ip-transparent", "reuseaddr", "sourceport"]]],
  ["TCP6", [2, ["bind", "ip-transparent", "reuseaddr", "sourceport"]]],
  ["UDP4-RECV", [1, ["bind", "ip-transparent", "reuseaddr"]]],
  ["UDP6-RECV", [1, ["bind", "ip-transparent", "reuseaddr"]]],
  ["UDP4-SENDTO", [2, ["bind", "ip-transparent", "reuseaddr", "sourceport"]]],
  ["UDP6-SENDTO", [2, ["bind", "ip-transparent", "reuseaddr", "sourceport"]]],
  ["-", [0, []]],
  ["STDIN", [0, []]],
  ["STDOUT", [0, []]],
  ["PIPE", [0, []]],
]);

const OPTION_ALIASES: ReadonlyMap<string, string> = new Map([
  ["transparent", "ip-transparent"],
  ["iptransparent", "ip-transparent"],
  ["so-reuseaddr", "reuseaddr"],
  ["sp", "sourceport"],
]);

/** Words between colons; what is in brackets is one. */
function parametersOf(text: string): string[] {
  return [...text.matchAll(/\[([^\]]*)\]|([^:]+)|(?<=:)(?=:|$)/g)].map(
    ([, bracketed, plain]) => bracketed ?? plain ?? "",
  );
}

function parseAddressWord(word: string): Address {
  const [head, ...optionWords] = word.split(",");
  const colon = head.indexOf(":");
  const named = (colon < 0 ? head : head.slice(0, colon)).toUpperCase();
  const keyword = ALIASES.get(named) ?? named;
  const known = ADDRESSES.get(keyword);
  if (known === undefined) throw new SocatError(`unknown device/address "${colon < 0 ? head : head.slice(0, colon)}"`);
  const [count, allowed] = known;
  const parameters = colon < 0 ? [] : parametersOf(head.slice(colon + 1));
  if (parameters.length !== count)
    throw new SocatError(`${named}: wrong number of parameters (${parameters.length} instead of ${count})`);
  const options = new Map<string, string | null>();
  for (const optionWord of optionWords) {
    const [given, value = null] = optionWord.split("=", 2);
    const name = OPTION_ALIASES.get(given.toLowerCase()) ?? given.toLowerCase();
    if (!allowed.includes(name)) throw new SocatError(`parseopts_table(): unknown option "${given}"`);
    if (value !== "0") options.set(name, value);
  }
  return { keyword, parameters, options };
}

/** One end of the copying. */
interface Channel {
  /** Bytes that came, as text; "" where none did; null at the end. */
  read(): string | null;
  /** Takes bytes; false when nobody can read them any more. */
  write(text: string): boolean;
  /** No more will be written. */
  end(): void;
  close(): void;
  readonly readable: Wait;
  /** Whether it is there: a connection has yet to be made. Throws {@link SocatError} when it fails. */
  ready(): boolean;
}

function stdio({ stdin, stdout }: LabContext): Channel {
  return {
    read: () => stdin.read(),
    write: (text) => stdout.write(text),
    end() {},
    close() {},
    readable: stdin.readable,
    ready: () => true,
  };
}

function pipe(): Channel {
  const through = new Pipe();
  return {
    read: () => through.read(),
    write: (text) => through.write(text),
    end: () => through.closeWrite(),
    close() {},
    readable: through.readable,
    ready: () => true,
  };
}

function overTcp(connection: TcpConnection, events: TcpEvents, connecting: string | null): Channel {
  let waiting: Uint8Array = new Uint8Array(0);
  const flush = (): void => {
    if (waiting.length > 0) waiting = waiting.slice(connection.write(waiting));
  };
  return {
    read() {
      events.happened.clear();
      const { text } = events;
      events.text = "";
      flush();
      return text === "" && (events.ended || events.errno !== null) ? null : text;
    },
    write(text) {
      const bytes = encodeText(text);
      const joined = new Uint8Array(waiting.length + bytes.length);
      joined.set(waiting);
      joined.set(bytes, waiting.length);
      waiting = joined;
      try {
        flush();
        return true;
      } catch (error) {
        if (error instanceof SystemError) return false;
        throw error;
      }
    },
    end: () => connection.shutdown(),
    close: () => connection.close(),
    readable: events.happened.wait,
    ready() {
      if (connecting === null || events.connected) return true;
      events.happened.clear();
      if (events.errno !== null) throw new SocatError(`${connecting}: ${strerror(events.errno)}`);
      return false;
    },
  };
}

function overUdp(socket: UdpSocket, send: ((text: string) => void) | null, peer: InetAddress | null): Channel {
  const arrived = new Flag();
  let text = "";
  socket.handlers = {
    onMessage(bytes, address) {
      if (peer !== null && formatAddress(address) !== formatAddress(peer)) return;
      text += textDecoder()(bytes);
      arrived.set();
    },
  };
  return {
    read() {
      arrived.clear();
      const taken = text;
      text = "";
      return taken;
    },
    write(more) {
      send?.(more);
      return send !== null;
    },
    end() {},
    close: () => socket.close(),
    readable: arrived.wait,
    ready: () => true,
  };
}

function numberOf(option: string, text: string): number {
  if (!/^\d/.test(text)) throw new SocatError(`parseopts(): missing numerical value of option "${option}=${text}"`);
  return Number.parseInt(text, 10) & 0xffff;
}

function portOf(text: string, protocol: "tcp" | "udp"): number {
  const port = /^\d+$/.test(text) ? Number(text) : servicePort(text, protocol);
  if (port === undefined)
    throw new SocatError(`getaddrinfo"", "${text}", {1,2,1,0}, {}): Servname not supported for ai_socktype`);
  return port & 0xffff;
}

function hostOf(text: string): InetAddress {
  try {
    return parseAddress(text);
  } catch {
    throw new SocatError(`getaddrinfo("${text}", "NULL", {1,2,1,6}, {}): Temporary failure in name resolution`);
  }
}

/** A call of the kernel, whose refusal is told with what it was asked. */
function system<T>(call: (error: SystemError) => string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof SystemError) throw new SocatError(`${call(error)}: ${strerror(error.errno)}`);
    throw error;
  }
}

/** An address as the messages have it. */
function end(address: InetAddress, port: number): string {
  return typeof address === "number"
    ? `AF=${AF_INET} ${formatAddress(address)}:${port}`
    : `AF=${AF_INET6} [${formatWholeIPv6(address)}]:${port}`;
}

const lengthOf = (address: InetAddress): number => (typeof address === "number" ? 16 : 28);

const connecting = (address: InetAddress, port: number): string =>
  `connect(${DESCRIPTOR}, ${end(address, port)}, ${lengthOf(address)})`;

const binding = (address: InetAddress, port: number): string =>
  `bind(${DESCRIPTOR}, {${end(address, port)}}, ${lengthOf(address)})`;

/** What a socket is bound to, and whether to any address. */
function boundTo({ options }: Address): { readonly address?: InetAddress; readonly transparent: boolean } {
  const bind = options.get("bind") ?? null;
  const transparent = options.has("ip-transparent");
  return bind === null ? { transparent } : { address: hostOf(parametersOf(bind)[0]), transparent };
}

const anyOfKeyword = (context: LabContext, keyword: string): InetAddress =>
  keyword.includes("6") ? new Int32Array(4) : context.net.sockets.anyOf(0);

function open(context: LabContext, address: Address): Channel {
  const { keyword, parameters, options } = address;
  const { tcp, udp } = context.net.sockets;
  switch (keyword) {
    case "-":
    case "STDIN":
    case "STDOUT":
      return stdio(context);
    case "PIPE":
      return pipe();
  }
  const { address: local, transparent } = boundTo(address);
  const source = options.get("sourceport") ?? null;
  if (keyword.startsWith("TCP")) {
    const [to, port] = [hostOf(parameters[0]), portOf(parameters[1], "tcp")];
    const events = new TcpEvents();
    const call = connecting(to, port);
    const sourcePort = source === null ? 0 : numberOf("sp", source);
    const asked = ({ code }: SystemError): string =>
      code === "EADDRNOTAVAIL" || code === "EADDRINUSE" ? binding(local ?? 0, sourcePort) : call;
    const connection = system(asked, () =>
      tcp.connect(
        {
          address: to,
          port,
          transparent,
          ...(local === undefined ? {} : { localAddress: local }),
          ...(source === null ? {} : { localPort: sourcePort }),
          reuseAddress: options.has("reuseaddr"),
        },
        events,
      ),
    );
    return overTcp(connection, events, call);
  }
  const receives = keyword.endsWith("RECV");
  const port = receives ? portOf(parameters[0], "udp") : source === null ? 0 : numberOf("sp", source);
  const own = local ?? anyOfKeyword(context, keyword);
  const socket = system(
    () => binding(own, port),
    () => udp.open({ address: own, port, transparent, reuseAddress: options.has("reuseaddr") }),
  );
  if (receives) return overUdp(socket, null, null);
  const [to, toPort] = [hostOf(parameters[0]), portOf(parameters[1], "udp")];
  const send = (text: string): void =>
    system(
      () => `sendto(${DESCRIPTOR}, ${end(to, toPort)}, ${lengthOf(to)})`,
      () => socket.sendTo(encodeText(text), to, toPort),
    );
  return overUdp(socket, send, to);
}

/** Bytes on their way between two ends. */
class Transfer {
  readonly #context: LabContext;
  readonly #left: Channel;
  readonly #right: Channel;
  /** Directions that have not ended: from left to right, and back. */
  #open: [boolean, boolean];
  readonly #closingMicros: number;
  #endsAt: number | null = null;

  constructor(context: LabContext, left: Channel, right: Channel, open: readonly [boolean, boolean], closing: number) {
    this.#context = context;
    this.#left = left;
    this.#right = right;
    this.#open = [...open];
    this.#closingMicros = closing;
  }

  /** Copies what is there; null when it is over, else what to wait for. */
  step(): Wait[] | null {
    const { clock } = this.#context.net;
    const opening = [this.#left, this.#right].filter((channel) => !channel.ready());
    if (opening.length > 0) return opening.map(({ readable }) => readable);
    const ways = [
      [this.#left, this.#right],
      [this.#right, this.#left],
    ] as const;
    for (const [at, [from, to]] of ways.entries()) {
      if (!this.#open[at]) continue;
      const text = from.read();
      if (text !== "" && text !== null && to.write(text)) continue;
      if (text === "") continue;
      this.#open[at] = false;
      if (text === null) to.end();
      this.#endsAt ??= clock.nowMicros + this.#closingMicros;
    }
    const left = (this.#endsAt ?? Number.POSITIVE_INFINITY) - clock.nowMicros;
    if (left <= 0 || this.#open.every((each) => !each)) return null;
    const waits = ways.filter((_, at) => this.#open[at]).map(([from]) => from.readable);
    return this.#endsAt === null ? waits : [...waits, pauseFor(clock, left)];
  }

  close(): void {
    this.#left.close();
    this.#right.close();
  }
}

function* run(context: LabContext): CommandProcess {
  const { net, args } = context;
  const { options, operands } = parseOptions("socat", args, { short: "uUt:d", posix: true });
  if (operands.length !== 2)
    throw new SocatError(`exactly 2 addresses required (there are ${operands.length}); use option "-h" for help`);
  const has = (key: string): boolean => options.some((option) => option.key === key);
  const seconds = Number(options.filter(({ key }) => key === "t").at(-1)?.value ?? CLOSING_SECONDS);
  const directions = [!has("U"), !has("u")] as const;
  const [first, second] = operands.map(parseAddressWord);
  const transfers = new Set<Transfer>();
  const begin = (channel: Channel): void => {
    try {
      transfers.add(new Transfer(context, channel, open(context, second), directions, seconds * 1_000_000));
    } catch (error) {
      channel.close();
      throw error;
    }
  };
  if (second.keyword.endsWith("LISTEN"))
    throw new SocatError(`${second.keyword} as the second address: not supported by the lab`);
  const arrived = new Flag();
  const accepted: Channel[] = [];
  let listener: TcpListener | null = null;
  const forks = first.options.has("fork");
  if (first.keyword.endsWith("LISTEN")) {
    const port = portOf(first.parameters[0], "tcp");
    const { address = anyOfKeyword(context, first.keyword), transparent } = boundTo(first);
    const accept = (connection: TcpConnection): void => {
      const events = new TcpEvents();
      connection.handlers = events;
      accepted.push(overTcp(connection, events, null));
      if (!forks) listener?.pause();
      arrived.set();
    };
    listener = system(
      () => binding(address, port),
      () =>
        net.sockets.tcp.listen(
          { address, port, transparent, backlog: BACKLOG, reuseAddress: first.options.has("reuseaddr") },
          { onAccept: accept },
        ),
    );
  } else begin(open(context, first));
  try {
    for (;;) {
      arrived.clear();
      for (const channel of accepted.splice(0)) {
        if (!forks) {
          listener?.close();
          listener = null;
        }
        begin(channel);
      }
      const waits: Wait[] = listener === null ? [] : [arrived.wait];
      for (const transfer of transfers) {
        const more = transfer.step();
        if (more !== null) waits.push(...more);
        else {
          transfer.close();
          transfers.delete(transfer);
        }
      }
      if (waits.length === 0) return 0;
      yield anyOf(...waits);
    }
  } finally {
    listener?.close();
    for (const transfer of transfers) transfer.close();
    for (const channel of accepted) channel.close();
  }
}

export const socat: LabCommand = function* (context) {
  try {
    return yield* run(context);
  } catch (error) {
    if (!(error instanceof SocatError || error instanceof OptionError)) throw error;
    const now = labDate(context).toISOString();
    context.stderr.write(`${now.slice(0, 10).replaceAll("-", "/")} ${now.slice(11, 19)} socat E ${error.message}\n`);
    return 1;
  }
};
