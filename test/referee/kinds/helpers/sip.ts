/** SIP: registrations, calls and what they announce, well said and nearly so, in datagrams and in a stream. */
import type { Choice } from "../../choice.js";
import { ACK, PSH, type UdpFields } from "../../packets.js";
import type { PacketStep, Step } from "../../scenario.js";
import { lan, wan } from "../router.js";
import type { Helped } from "./helped.js";
import { bracketed, bytesOf, Said, type SaidEnds, udpOver } from "./said.js";

const PORT = 5060;

/** One side's view of a call: under which address it knows itself, and under which it knows the other. */
interface View {
  readonly own: string;
  readonly ownPort: number;
  readonly other: string;
  readonly otherPort: number;
}

/** A header's line with what may be wrong about it. */
function line(choice: Choice, name: string, short: string, value: string): string {
  if (!choice.oneIn(8)) return `${name}: ${value}\r\n`;
  return choice.pick([
    `${short}: ${value}\r\n`,
    `${name.toUpperCase()}:${value}\r\n`,
    `${name} :\t${value}\r\n`,
    `${name}:\r\n ${value}\r\n`,
    `${name}:\r\n  \t${value}\r\n`,
    `${name}: ${value}\n`,
    `${name}: ${value}\r`,
    `${name}\r\n : ${value}\r\n`,
    `${name}x: ${value}\r\n`,
    `${name}: \r\n`,
    `${name}:${value.slice(0, value.length >> 1)}\r\n`,
    `${name}: ${value}, ${value}\r\n`,
    `${name}: "a, b" ${value}\r\n`,
    `${name}: ${value}\r\n\tcontinued\r\n`,
    ` ${name}: ${value}\r\n`,
    "",
  ]);
}

/** An address as URIs have it. */
function at(choice: Choice, bare: string, port: number | null): string {
  const address = bracketed(bare);
  if (!choice.oneIn(12)) return port === null ? address : `${address}:${port}`;
  return choice.pick([
    `${address}:0${port ?? PORT}`,
    `${address}:70000`,
    `${address}:1023`,
    `${address}:99999999999`,
    `${address}:`,
    `${address}.5:${port ?? PORT}`,
    `${address}a`,
    `${bare}:${port ?? PORT}`,
    `[${bare}:${port ?? PORT}`,
    `host.example:${port ?? PORT}`,
    `0${address}:${port ?? PORT}`,
    `${address} :${port ?? PORT}`,
  ]);
}

function uri(choice: Choice, user: string, address: string, port: number | null, parameters = ""): string {
  const named = choice.oneIn(6) ? "" : `${user}@`;
  const inner = `${choice.oneIn(10) ? "SIP" : "sip"}:${named}${at(choice, address, port)}${parameters}`;
  return choice.oneIn(6) ? inner : `<${inner}>`;
}

const TRANSPORTS: readonly string[] = ["", "", "", ";transport=udp", ";transport=TCP", ";transport=sctp"];

/** The parameters of a contact, `expires` among them. */
function contactParameters(choice: Choice): string {
  return choice.pick([
    "",
    "",
    ";expires=60",
    ";expires=3600;q=0.5",
    ";expires=0",
    ";expires=x",
    ";expires=0x20",
    ";expires=010",
    ";expires=4294967296",
    ";expires=",
    ";q=1,<sip:x@10.1.1.1>;expires=99",
  ]);
}

/** A session description: which media, at which address, with what may be wrong. */
function description(choice: Choice, own: string): string {
  const six = own.includes(":");
  const elsewhere = six ? "2001:db8::7" : "10.9.8.7";
  const address = choice.oneIn(8) ? elsewhere : own;
  const network = choice.oneIn(16) !== six ? "IN IP6" : "IN IP4";
  const mediaAddress = choice.oneIn(4);
  const newline = choice.oneIn(10) ? "\n" : "\r\n";
  const lines = ["v=0"];
  if (!choice.oneIn(12)) lines.push(`o=- 1 1 ${network} ${address}`);
  lines.push("s=-");
  if (!mediaAddress || choice.oneIn(3))
    lines.push(`c=${network} ${choice.oneIn(12) ? (six ? "::" : "0.0.0.0") : address}`);
  lines.push("t=0 0");
  for (let left = choice.pick([0, 1, 1, 1, 2, 2, 3, 4]); left > 0; left--) {
    const port = choice.pick([4000, 4000, 4002, 4001, 5004, 0, 1022, 65_534, 70_000, 30_000]);
    const kind = choice.pick(["audio", "audio", "video", "image", "text", "AUDIO"]);
    lines.push(choice.oneIn(16) ? `m=${kind}` : `m=${kind} ${port} RTP/AVP 0`);
    if (mediaAddress && !choice.oneIn(4)) lines.push(`c=${network} ${choice.oneIn(8) ? elsewhere : own}`);
    if (choice.oneIn(3)) lines.push("a=sendrecv");
  }
  return lines.join(newline) + (choice.oneIn(8) ? "" : newline);
}

interface Saying {
  readonly method: string;
  /** Null: a request. */
  readonly status: number | null;
  readonly cseq: number;
  readonly transport: "UDP" | "TCP";
  /** The one who asks, and the one who is asked, as the one who speaks knows them. */
  readonly asker: readonly [string, number];
  readonly asked: readonly [string, number];
  readonly view: View;
  readonly body: string;
}

/** A whole message. */
function messageOf(choice: Choice, saying: Saying): string {
  const { method, status, cseq, transport, asker, asked, view, body } = saying;
  const first =
    status === null
      ? `${method} ${choice.oneIn(12) ? "tel:123" : `sip:bob@${at(choice, asked[0], asked[1])}`} SIP/2.0\r\n`
      : `${choice.oneIn(16) ? "sip/2.0" : "SIP/2.0"} ${choice.oneIn(20) ? "OK" : status} Said\r\n`;
  const via = `SIP/2.0/${transport} ${at(choice, asker[0], asker[1])}${choice.pick([
    ";branch=z9hG4bK1",
    ";branch=z9hG4bK1;rport",
    `;rport=${asker[1]};received=${asker[0]}`,
    `;received=${asker[0]};branch=1`,
    `;received=${bracketed(asker[0])}`,
    `;maddr=${bracketed(asker[0])}`,
    `;maddr=${asker[0]};rport=${asker[1]}`,
    ";rport=x",
  ])}`;
  const lines = [
    line(choice, "Via", "v", via),
    choice.oneIn(6) ? line(choice, "Via", "v", `SIP/2.0/${transport} 10.5.5.5:5060`) : "",
    choice.oneIn(8) ? line(choice, "Route", "r", `<sip:${view.other};lr>`) : "",
    line(choice, "From", "f", `${uri(choice, "alice", asker[0], choice.oneIn(2) ? asker[1] : null)};tag=1`),
    line(choice, "To", "t", uri(choice, "bob", asked[0], choice.oneIn(2) ? asked[1] : null)),
    line(choice, "Call-ID", "i", `1@${asker[0]}`),
    line(choice, "CSeq", "cseq", choice.oneIn(16) ? choice.pick(["x", "99999999999 A", method]) : `${cseq} ${method}`),
  ];
  const contacts = choice.pick([0, 1, 1, 1, 2]);
  for (let left = contacts; left > 0; left--) {
    const own = method === "REGISTER" ? asker : ([view.own, view.ownPort] as const);
    const inner = uri(choice, "me", own[0], own[1], choice.pick(TRANSPORTS));
    const second = choice.oneIn(6) ? `, ${uri(choice, "me", view.other, view.otherPort)}` : "";
    lines.push(line(choice, "Contact", "m", inner + contactParameters(choice) + second));
  }
  if (choice.oneIn(2))
    lines.push(line(choice, "Expires", "expires", choice.pick(["60", "3600", "0", "x", "5000000000"])));
  if (choice.oneIn(10)) lines.sort(() => (choice.oneIn(2) ? 1 : -1));
  const length = choice.oneIn(12) ? body.length + choice.pick([-1, 1, 5000]) : body.length;
  if (transport === "TCP" || !choice.oneIn(6)) lines.push(line(choice, "Content-Length", "l", String(length)));
  return `${first}${lines.join("")}${choice.oneIn(20) ? "" : "\r\n"}${body}`;
}

/** The two sides' addresses, and which of them registers and calls. */
interface Phones {
  readonly view: (side: "client" | "server") => View;
  readonly asker: (by: "client" | "server", speaker: "client" | "server") => readonly [string, number];
}

function phones(ends: SaidEnds): Phones {
  const { client, clientSeen, clientPort, server, serverSeen, serverPort } = ends;
  const view = (side: "client" | "server"): View =>
    side === "client"
      ? { own: client, ownPort: clientPort, other: serverSeen, otherPort: serverPort }
      : { own: server, ownPort: serverPort, other: clientSeen, otherPort: clientPort };
  return {
    view,
    asker(by, speaker) {
      const { own, ownPort, other, otherPort } = view(speaker);
      return by === speaker ? [own, ownPort] : [other, otherPort];
    },
  };
}

const STATUSES: readonly number[] = [100, 180, 183, 200, 200, 200, 202, 301, 404, 486, 603];

/** A few requests with their answers. */
function dialog(
  choice: Choice,
  ends: SaidEnds,
  transport: "UDP" | "TCP",
): { side: "client" | "server"; text: string }[] {
  const { view, asker } = phones(ends);
  const method = choice.pick([
    "REGISTER",
    "REGISTER",
    "INVITE",
    "INVITE",
    "UPDATE",
    "ACK",
    "PRACK",
    "BYE",
    "OPTIONS",
    "invite",
  ]);
  const by = choice.oneIn(4) ? "server" : "client";
  const to = by === "client" ? "server" : "client";
  const cseq = choice.pick([1, 1, 2, 0]);
  const say = (side: "client" | "server", status: number | null): { side: "client" | "server"; text: string } => ({
    side,
    text: messageOf(choice, {
      method,
      status,
      cseq: choice.oneIn(12) ? cseq + 1 : cseq,
      transport: choice.oneIn(16) ? choice.pick(["UDP", "TCP"] as const) : transport,
      asker: asker(by, side),
      asked: asker(to, side),
      view: view(side),
      body: method !== "REGISTER" && !choice.oneIn(5) ? description(choice, view(side).own) : "",
    }),
  });
  const said = [say(by, null)];
  for (let left = choice.pick([0, 1, 1, 2]); left > 0; left--) said.push(say(to, choice.pick(STATUSES)));
  return said;
}

/** Bytes flipped, cut off or doubled now and then. */
function spoilt(choice: Choice, text: string): string {
  if (!choice.oneIn(14)) return text;
  const where = choice.below(text.length);
  return choice.pick([
    text.slice(0, where),
    text.slice(0, where) + choice.pick(["\r\n", "\0", ":", ",", "@", "\xe9", ";"]) + text.slice(where),
    text.slice(0, where) + text.slice(where + 1),
    text.slice(where),
    text + text,
  ]);
}

/** Calls and media that were announced, or nearly. */
function arrivals(choice: Choice, ends: SaidEnds): PacketStep[] {
  const steps: PacketStep[] = [];
  const strange = ends.server.includes(":") ? "2001:db8:3::77" : "203.0.113.77";
  for (let left = choice.pick([0, 0, 1, 2, 3]); left > 0; left--) {
    const byServer = choice.oneIn(2);
    const stranger = choice.oneIn(8);
    const [src, dst] = byServer ? [stranger ? strange : ends.server, ends.clientSeen] : [ends.client, ends.serverSeen];
    const rtp = choice.oneIn(3) ? 5060 : choice.pick([4000, 4001, 4002, 4003, 5004, 30_000]);
    const ports = { sport: choice.pick([rtp, 4000, 6000]), dport: rtp === 5060 && byServer ? ends.clientPort : rtp };
    const payload = bytesOf(choice.pick(["\x80\0rtp", "OPTIONS sip:x SIP/2.0\r\n\r\n"]));
    const bytes = udpOver({ src, dst, id: 9 }, { ...ports, payload });
    steps.push(byServer === ends.outward ? wan(bytes) : lan(bytes));
  }
  return steps;
}

const LOOKS: readonly string[] = ["conntrack -L expect", "cat /proc/net/nf_conntrack_expect", "conntrack -L"];
const LOOKS_6: readonly string[] = ["cat /proc/net/nf_conntrack_expect", "conntrack -L -f ipv6"];

const looks = (ends: SaidEnds): readonly string[] => (ends.client.includes(":") ? LOOKS_6 : LOOKS);

export function sip(choice: Choice, where: SaidEnds): Helped {
  const ends: SaidEnds = {
    ...where,
    clientPort: choice.pick([PORT, PORT, 5062, 40_060]),
    serverPort: PORT,
  };
  return choice.oneIn(3) ? overTcp(choice, ends) : overUdp(choice, ends);
}

function overUdp(choice: Choice, ends: SaidEnds): Helped {
  const steps: Step[] = [];
  for (let left = choice.between(1, 5); left > 0; left--) {
    for (const { side, text } of dialog(choice, ends, "UDP")) {
      const fields: UdpFields = {
        sport: side === "client" ? ends.clientPort : ends.serverPort,
        dport: side === "client" ? ends.serverPort : ends.clientPort,
        payload: bytesOf(spoilt(choice, text)),
        ...(choice.oneIn(8) && !ends.client.includes(":") ? { checksum: "none" } : {}),
      };
      const [src, dst] = side === "client" ? [ends.client, ends.serverSeen] : [ends.server, ends.clientSeen];
      const bytes = udpOver({ src, dst, id: steps.length + 1 }, fields);
      steps.push((side === "client") === ends.outward ? lan(bytes) : wan(bytes));
      if (choice.oneIn(3)) steps.push({ run: choice.pick(looks(ends)) });
    }
    steps.push(...arrivals(choice, ends));
  }
  return { helper: "sip", match: "-p udp --dport 5060", steps };
}

function overTcp(choice: Choice, ends: SaidEnds): Helped {
  const stream = new Said(choice, ends);
  const steps: Step[] = [];
  stream.handshake();
  for (let left = choice.between(1, 4); left > 0; left--) {
    const said = dialog(choice, ends, "TCP");
    for (const { side, text } of said) {
      const whole = spoilt(choice, text) + (choice.oneIn(6) ? (dialog(choice, ends, "TCP")[0]?.text ?? "") : "");
      if (choice.oneIn(8)) stream.line(side, whole);
      else stream.segment(side, PSH | ACK, whole);
      if (choice.oneIn(8)) stream.segment(side === "client" ? "server" : "client", ACK);
      steps.push(...stream.steps.splice(0));
      if (choice.oneIn(3)) steps.push({ run: choice.pick(looks(ends)) });
    }
    steps.push(...arrivals(choice, ends));
  }
  if (choice.oneIn(3)) stream.close();
  steps.push(...stream.steps.splice(0));
  return { helper: "sip", match: "-p tcp --dport 5060", steps };
}
