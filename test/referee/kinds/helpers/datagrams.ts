/** TFTP and Amanda: what datagrams announce. */
import type { Choice } from "../../choice.js";
import { SYN, type UdpFields } from "../../packets.js";
import type { PacketStep, Step } from "../../scenario.js";
import { lan, wan } from "../router.js";
import type { Helped } from "./helped.js";
import { bytesOf, Said, type SaidEnds, udpOver } from "./said.js";

function datagram(ends: SaidEnds, fromClient: boolean, fields: UdpFields): PacketStep {
  const ip = fromClient
    ? { src: ends.client, dst: ends.serverSeen, df: true, id: 7 }
    : { src: ends.server, dst: ends.clientSeen, df: true, id: 8 };
  return fromClient === ends.outward ? lan(udpOver(ip, fields)) : wan(udpOver(ip, fields));
}

const OPCODES = ["\0\u0001", "\0\u0001", "\0\u0002", "\0\u0003", "\0\u0005", "\u0001\0", "\0", ""];

export function tftp(choice: Choice, ends: SaidEnds): Helped {
  const steps: Step[] = [];
  for (let left = choice.between(2, 10); left > 0; left--) {
    const clientPort = choice.pick([2000, 2001, 2002]);
    const request = bytesOf(`${choice.pick(OPCODES)}file\0octet\0`);
    steps.push(datagram(ends, true, { sport: clientPort, dport: 69, payload: request }));
    if (choice.oneIn(5)) steps.push(datagram(ends, false, { sport: 69, dport: clientPort, payload: request }));
    if (choice.oneIn(3)) steps.push({ run: "conntrack -L expect" });
    if (choice.oneIn(4)) continue;
    const answer = { sport: choice.pick([3000, 3001]), dport: clientPort, payload: bytesOf("\0\u0003\0\u0001data") };
    const stranger = ends.server.includes(":") ? "2001:db8:3::77" : "203.0.113.77";
    const caller = choice.oneIn(6) ? { ...ends, server: stranger } : ends;
    steps.push(datagram(caller, false, answer));
    const ack = bytesOf("\0\u0004\0\u0001");
    if (choice.oneIn(2)) steps.push(datagram(ends, true, { sport: clientPort, dport: answer.sport, payload: ack }));
  }
  return { helper: "tftp", match: "-p udp --dport 69", steps };
}

function answerOf(choice: Choice, ports: readonly number[]): string {
  const [data, mesg, index] = ports;
  return choice.pick([
    `Amanda 2.4 REP HANDLE 1 SEQ 2\nCONNECT DATA ${data} MESG ${mesg} INDEX ${index}\nOPTIONS \n`,
    `Amanda 2.4 REP HANDLE 1 SEQ 2\nCONNECT DATA ${data} MESG ${mesg} INDEX ${index} STATE 4000\nOPTIONS \n`,
    `CONNECT INDEX ${index} DATA ${data} MESG ${mesg}\n`,
    `CONNECT DATA ${data} MESG x INDEX ${index}\n`,
    `CONNECT DATA ${data}${mesg}\n`,
    `CONNECT DATA 0 MESG ${mesg}\n`,
    `CONNECT DATA ${data} MESG ${mesg}`,
    `CONNECT DATA ${data} MESG ${mesg}\nCONNECT INDEX ${index}\n`,
    `connect DATA ${data}\n`,
    "CONNECT DATA \n",
    "CONNECT \n",
    "",
  ]);
}

export function amanda(choice: Choice, ends: SaidEnds): Helped {
  const steps: Step[] = [];
  // Under NAT a port that another connection expects is replaced by one that the kernel draws, and no draw tells which.
  const translated = ends.client !== ends.clientSeen || ends.server !== ends.serverSeen;
  for (let left = choice.between(1, 6); left > 0; left--) {
    const clientPort = translated ? 850 : choice.pick([850, 851]);
    const ports = [choice.pick([1100, 1101]), choice.pick([1101, 1102]), choice.pick([1103, 60_000])];
    steps.push(datagram(ends, true, { sport: clientPort, dport: 10_080, payload: bytesOf("Amanda 2.4 REQ\n") }));
    const unsummed = choice.oneIn(4) && !ends.client.includes(":") ? ({ checksum: "none" } as const) : {};
    const text = answerOf(choice, ports);
    for (let times = choice.pick([1, 1, 2]); times > 0; times--)
      steps.push(datagram(ends, false, { sport: 10_080, dport: clientPort, payload: bytesOf(text), ...unsummed }));
    steps.push({ run: choice.pick(["conntrack -L expect", "conntrack -L"]) });
    for (const port of ports) {
      if (choice.oneIn(3)) continue;
      const data = new Said(choice, { ...ends, clientPort: 3100, serverPort: port });
      if (choice.oneIn(2)) data.segment("client", SYN);
      else data.handshake();
      steps.push(...data.steps);
    }
  }
  return { helper: "amanda", match: "-p udp --dport 10080", steps };
}
