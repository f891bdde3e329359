/** FTP: control connections that announce data connections rightly, wrongly and in pieces, and who calls then. */
import type { Choice } from "../../choice.js";
import { ACK, FIN, PSH, RST, SYN } from "../../packets.js";
import type { PacketStep, Step } from "../../scenario.js";
import { CLIENT, OTHER_CLIENT } from "../router.js";
import type { Helped } from "./helped.js";
import { Said, type SaidEnds } from "./said.js";

const comma = (address: string, port: number): string => {
  // PORT names no address of IPv6; the first four bytes of the documentation's are tried.
  const four = address.includes(":") ? "32.1.13.184" : address;
  return `${four.replaceAll(".", ",")},${port >> 8},${port & 255}`;
};

const eprt = (address: string, port: number): string => `|${address.includes(":") ? 2 : 1}|${address}|${port}|`;

interface Announcement {
  readonly text: string;
  /** Bytes that the router adds to it. */
  readonly added: number;
}

/** How an end is announced, and how much longer it is when `seen` stands in place of `own`. */
function announced(form: string, own: string, seen: string, port: number): Announcement {
  const added = seen.length - own.length;
  switch (form) {
    case "PORT":
      return { text: `PORT ${comma(own, port)}\r\n`, added };
    case "EPRT":
      return { text: `EPRT ${eprt(own, port)}\r\n`, added };
    case "227":
      return { text: `227 Entering Passive Mode (${comma(own, port)}).\r\n`, added };
    default:
      return { text: `229 Entering Extended Passive Mode (|||${port}|)\r\n`, added: 0 };
  }
}

/** Lines that are nearly announcements. */
function oddLine(choice: Choice, own: string, port: number): string {
  const five = comma(own, port).split(",").slice(0, 5).join(",");
  return choice.pick([
    "PORT\r\n",
    "PORT \r\n",
    "PO",
    "P",
    `PORT ${comma(own, port)}`,
    `PORT ${five}\r\n`,
    `PORT ${comma(own, port)},9\r\n`,
    `port ${comma(own, port)}\r\n`,
    `PORT  ${comma(own, port)}\r\n`,
    `PORT ${comma(own, port)} \r\n`,
    `PORT ${comma(own, port)}\n`,
    `PORT ${comma("10.9.8.7", port)}\r\n`,
    `PORT ${comma(own, 0)}\r\n`,
    `PORT ${own.replaceAll(".", ",")},300,11\r\n`,
    `PORT 256,0,0,0,${port >> 8},1\r\n`,
    `xPORT ${comma(own, port)}\r\n`,
    `NOOP\r\nPORT ${comma(own, port)}\r\n`,
    `PORT ${comma(own, port)}\r\nLIST\r\n`,
    `EPRT |1|${own}|${port}\r\n`,
    `EPRT |2|::1|${port}|\r\n`,
    `EPRT !1!${own}!${port}!\r\n`,
    `EPRT 11${own}1${port}1\r\n`,
    `EPRT |1|${own}|0|\r\n`,
    `EPRT |1|${own}|70000|\r\n`,
    `eprt |1|10.9.8.7|${port}|\r\n`,
    `EPRT |1|${own}.5|${port}|\r\n`,
    "EPRT |\r\n",
    ...(own.includes(":")
      ? [
          `EPRT ${eprt(own, port)}`,
          `EPRT !2!${own}!${port}!\r\n`,
          `EPRT |2|2001:0db8:1:0::0010|${port}|\r\n`,
          `EPRT |2|[${own}]|${port}|\r\n`,
          `EPRT |2|${own}:|${port}|\r\n`,
          `EPRT |2|::1.2.3.4|${port}|\r\n`,
          `EPRT :2:${own}:${port}:\r\n`,
          `EPRT |2|${own}|0|\r\n`,
        ]
      : []),
  ]);
}

function oddReply(choice: Choice, own: string, port: number): string {
  return choice.pick([
    `227 ${comma(own, port)}\r\n`,
    `227 Entering Passive Mode =${comma(own, port)}\r\n`,
    `227 Entering Passive Mode (${comma(own, port)}`,
    `227 mode 1 (${comma(own, port)})\r\n`,
    `227 Entering Passive Mode (${comma("10.9.8.7", port)})\r\n`,
    "227 \r\n",
    "227",
    "227 no numbers here\r\n",
    `227-Entering (${comma(own, port)})\r\n`,
    `229 Entering (|||${port}\r\n`,
    "229 Entering (|||0|)\r\n",
    `229 Entering (!!!${port}!)\r\n`,
    "229 Entering\r\n",
    `229 (||1|${port}|)\r\n`,
    `229 (|||${port}|) (|||${port + 1}|)\r\n`,
    `150 227 Entering Passive Mode (${comma(own, port)})\r\n`,
  ]);
}

const CHAT_CLIENT = ["USER anonymous\r\n", "LIST\r\n", "PASV\r\n", "EPSV\r\n", "QUIT\r\n", "NOOP\r\n"];
const CHAT_SERVER = ["200 ok\r\n", "331 say\r\n", "150 here it comes\r\n", "226 done\r\n", "2"];

/** Whoever was invited, or somebody else, calls. */
function dataConnection(choice: Choice, ends: SaidEnds, byServer: boolean, port: number): PacketStep[] {
  const called = choice.oneIn(8) ? port + 1 : port;
  const strangers = ends.server.includes(":") ? ["2001:db8:3::7", "2001:db8:1::11"] : ["203.0.113.7", OTHER_CLIENT];
  const data = new Said(choice, {
    client: byServer ? (choice.oneIn(8) ? strangers[0] : ends.server) : choice.oneIn(8) ? strangers[1] : ends.client,
    clientSeen: byServer ? ends.serverSeen : ends.clientSeen,
    clientPort: byServer ? choice.pick([20, 20, 4444]) : 50_123,
    server: byServer ? ends.client : ends.server,
    serverSeen: byServer ? ends.clientSeen : ends.serverSeen,
    serverPort: called,
    outward: ends.outward !== byServer,
  });
  if (choice.oneIn(4)) {
    data.segment("client", SYN);
    if (choice.oneIn(2)) data.segment("server", RST | ACK);
  } else {
    data.handshake();
    data.segment("server", PSH | ACK, "PORT 1,2,3,4,5,6\r\n");
    data.segment("client", FIN | ACK);
    if (choice.oneIn(2)) data.close();
  }
  return data.steps;
}

export function ftp(choice: Choice, ends: SaidEnds): Helped {
  const control = new Said(choice, { ...ends, serverPort: 21 });
  const steps: Step[] = [];
  const flush = (): void => {
    steps.push(...control.steps.splice(0));
  };
  control.handshake();
  for (let left = choice.between(2, 12); left > 0; left--) {
    const port = choice.pick([51_210, 51_211, 51_210, 2000, 40_000 + choice.below(9)]);
    const byServer = choice.oneIn(2);
    const side = byServer ? "client" : "server";
    const own = byServer ? ends.client : ends.server;
    const seen = byServer ? ends.clientSeen : ends.serverSeen;
    choice.pick([
      () => control.line("client", choice.pick(CHAT_CLIENT)),
      () => control.line("server", choice.pick(CHAT_SERVER)),
      () => control.line(side, byServer ? oddLine(choice, own, port) : oddReply(choice, own, port)),
      () => {
        // Without a line before it, an announcement is not looked at.
        if (!choice.oneIn(4)) control.line(side, byServer ? "NOOP\r\n" : "200 ok\r\n");
        const form = byServer ? choice.pick(["PORT", "EPRT"]) : choice.pick(["227", "229"]);
        const { text, added } = announced(form, own, seen, port);
        control.line(side, text, added);
        flush();
        if (choice.oneIn(3)) steps.push({ run: "conntrack -L expect" });
        if (!choice.oneIn(3)) steps.push(...dataConnection(choice, ends, byServer, port));
      },
    ])();
  }
  if (choice.oneIn(2)) control.close();
  flush();
  return { helper: "ftp", match: "-p tcp --dport 21", steps };
}

/** Addresses whose translations are longer, shorter and as long. */
export const FTP_CLIENTS: readonly string[] = [CLIENT, CLIENT, "192.168.1.9", "192.168.1.111"];
