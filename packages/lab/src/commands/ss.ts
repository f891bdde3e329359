/** `ss` of iproute2 6.1 for TCP and UDP: which sockets there are. Processes and timers are not shown. */
import { formatAddress, type InetAddress, isAnyAddress, type SocketInfo } from "@netfilter-lab/engine";
import type { LabCommand } from "../environment.js";
import { OptionError, type ParsedOptions, parseOptions } from "./getopt.js";

const STATES: Readonly<Record<SocketInfo["state"], string>> = {
  ESTABLISHED: "ESTAB",
  SYN_SENT: "SYN-SENT",
  SYN_RECV: "SYN-RECV",
  FIN_WAIT1: "FIN-WAIT-1",
  FIN_WAIT2: "FIN-WAIT-2",
  TIME_WAIT: "TIME-WAIT",
  CLOSE: "UNCONN",
  CLOSE_WAIT: "CLOSE-WAIT",
  LAST_ACK: "LAST-ACK",
  LISTEN: "LISTEN",
  CLOSING: "CLOSING",
  UNCONN: "UNCONN",
};

/** Whether a socket is of IPv6's family; its connection may be of IPv4. */
function isIpv6(socket: SocketInfo): boolean {
  return socket.mapped || typeof socket.localAddress !== "number";
}

/** An address as ss shows it: IPv6's in brackets, `*` for "any" of both families. */
function addressText(socket: SocketInfo, address: InetAddress): string {
  if (typeof address === "number") return socket.mapped ? `[::ffff:${formatAddress(address)}]` : formatAddress(address);
  // Of a socket that takes both families, either end; a bound one's peer is `[::]`.
  if (isAnyAddress(address) && isAnyAddress(socket.localAddress)) return "*";
  return `[${formatAddress(address)}]`;
}

export const ss: LabCommand = (context) => {
  let parsed: ParsedOptions;
  try {
    parsed = parseOptions("ss", context.args, {
      short: "tulanH46prmoeis",
      long: {
        tcp: { key: "t", value: "none" },
        udp: { key: "u", value: "none" },
        listening: { key: "l", value: "none" },
        all: { key: "a", value: "none" },
        numeric: { key: "n", value: "none" },
        ipv4: { key: "4", value: "none" },
        ipv6: { key: "6", value: "none" },
        "no-header": { key: "H", value: "none" },
      },
    });
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    context.stderr.write(`${error.message}\nUsage: ss [ OPTIONS ]\n`);
    return 255;
  }
  const has = (key: string): boolean => parsed.options.some((option) => option.key === key);
  for (const key of "prmoeis")
    if (has(key)) {
      context.stderr.write(`ss: -${key}: not supported by the lab\n`);
      return 255;
    }
  if (parsed.operands.length > 0) {
    context.stderr.write(`ss: filter "${parsed.operands.join(" ")}": not supported by the lab\n`);
    return 255;
  }
  if (!has("n") && !has("l") && !has("a") && parsed.options.length === 0) {
    context.stderr.write("ss: names are not looked up by the lab; use ss -n\n");
    return 255;
  }
  // The last of -4 and -6 counts.
  const family = parsed.options.filter(({ key }) => key === "4" || key === "6").at(-1)?.key ?? null;
  const both = has("t") === has("u");
  const wanted = context.net.sockets
    .list()
    .filter((socket) => family === null || (family === "6") === isIpv6(socket))
    .filter(
      (socket) =>
        (socket.protocol === "tcp" && (both || has("t"))) || (socket.protocol === "udp" && (both || has("u"))),
    )
    .filter((socket) => {
      const listening = socket.state === "LISTEN" || socket.state === "UNCONN";
      if (has("a")) return true;
      return has("l")
        ? listening
        : socket.state === "ESTABLISHED" || (!listening && socket.state !== "TIME_WAIT" && socket.state !== "SYN_RECV");
    });
  const udpFirst = [...wanted].sort((a, b) => (a.protocol === b.protocol ? 0 : a.protocol === "udp" ? -1 : 1));
  // Within a protocol first IPv4's, then IPv6's.
  udpFirst.sort((a, b) => (a.protocol === b.protocol ? Number(isIpv6(a)) - Number(isIpv6(b)) : 0));
  const end = (socket: SocketInfo, address: InetAddress, port: number): [string, string] => [
    addressText(socket, address),
    port === 0 ? "*" : String(port),
  ];
  const oneKind = !both;
  const rows = udpFirst.map((socket) => ({
    left: [
      ...(oneKind ? [] : [socket.protocol]),
      STATES[socket.state],
      String(socket.receiveQueue),
      String(socket.sendQueue),
    ],
    local: end(socket, socket.localAddress, socket.localPort),
    peer: end(socket, socket.remoteAddress, socket.remotePort),
  }));
  const heads = [...(oneKind ? [] : ["Netid"]), "State", "Recv-Q", "Send-Q"];
  const header = !has("H");
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => row.left[i].length)));
  const local = [
    Math.max(header ? "Local Address".length : 0, ...rows.map((row) => row.local[0].length)),
    Math.max(header ? "Port".length : 0, ...rows.map((row) => row.local[1].length)),
  ];
  const peer = [
    Math.max(header ? "Peer Address".length : 0, ...rows.map((row) => row.peer[0].length)),
    Math.max(header ? "Port".length : 0, ...rows.map((row) => row.peer[1].length)),
  ];
  const line = (
    left: readonly string[],
    [a, ap]: readonly string[],
    [b, bp]: readonly string[],
    tail: string,
  ): string =>
    `${left.map((text, i) => text.padEnd(widths[i])).join(" ")} ${a.padStart(local[0])}:${ap.padEnd(local[1])} ` +
    `${b.padStart(peer[0])}:${bp.padEnd(peer[1])}${tail}`;
  if (header) context.stdout.write(`${line(heads, ["Local Address", "Port"], ["Peer Address", "Port"], "Process")}\n`);
  for (const row of rows) context.stdout.write(`${line(row.left, row.local, row.peer, header ? "       " : "")}\n`);
  return 0;
};
