/**
 * `-m socket`: whether a socket of this host is there for the packet. No socket here is transparent. ICMP errors are
 * not looked into. Models socket_match(), net/netfilter/xt_socket.c.
 */
import { NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING } from "../../hooks.js";
import { get16, get32 } from "../../wire/bytes.js";
import type { MatchExtension, XtActionParam } from "../extension.js";

const OPTIONS: readonly string[] = ["transparent", "nowildcard", "restore-skmark"];

/** Whether there is a socket for the packet that counts. */
function socketFor({ skb: { data, len }, thoff, net }: XtActionParam, wildcards: boolean): boolean {
  const protocol = data[9] === 6 ? "tcp" : data[9] === 17 ? "udp" : null;
  if (protocol === null || thoff + (protocol === "tcp" ? 20 : 8) > len) return false;
  const src = get32(data, 12);
  const dst = get32(data, 16);
  const sport = get16(data, thoff);
  const dport = get16(data, thoff + 2);
  let found = false;
  let best = -1;
  for (const socket of net.sockets.list()) {
    if (socket.protocol !== protocol || socket.localPort !== dport) continue;
    if (socket.localAddress !== 0 && socket.localAddress !== dst) continue;
    if (socket.remoteAddress !== 0 && (socket.remoteAddress !== src || socket.remotePort !== sport)) continue;
    const score = (socket.remoteAddress !== 0 ? 2 : 0) + (socket.localAddress !== 0 ? 1 : 0);
    if (score <= best) continue;
    best = score;
    found = wildcards || socket.localAddress !== 0;
  }
  return found;
}

export const socketMatch: MatchExtension = {
  kind: "match",
  name: "socket",
  families: ["ipv4"],
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
    const transparent = values.has("transparent");
    const wildcards = values.has("nowildcard");
    const restoresMark = values.has("restore-skmark");
    return {
      name: "socket",
      match(par) {
        if (transparent || !socketFor(par, wildcards)) return false;
        // Sockets that listen or wait for datagrams here have no mark of their own.
        if (restoresMark) par.skb.mark = 0;
        return true;
      },
      save: () => text,
      print: () => ` socket${text}`,
    };
  },
};
