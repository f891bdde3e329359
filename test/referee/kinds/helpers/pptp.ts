/** PPTP: control messages in and out of order, and the tunnels that they announce. */
import type { Choice } from "../../choice.js";
import { ACK, concat, ipv4, PSH } from "../../packets.js";
import type { PacketStep, Step } from "../../scenario.js";
import { lan, wan } from "../router.js";
import type { Helped } from "./helped.js";
import { Said, type SaidEnds } from "./said.js";

const half = (value: number): string => String.fromCharCode((value >>> 8) & 255, value & 255);

/** A control message, its body filled up with zeros. */
function message(type: number, body: string, length: number, cookie = 0x1a2b_3c4d): string {
  const filled = body.padEnd(length, "\0");
  return half(12 + filled.length) + half(1) + half(cookie >>> 16) + half(cookie) + half(type) + half(0) + filled;
}

const okay = (result: number): string => String.fromCharCode(result, 0);

/** A packet of a tunnel, which bears the receiver's call id. */
function tunnelled(ends: SaidEnds, fromClient: boolean, callId: number): PacketStep {
  const header = Uint8Array.of(0x30, 0x01, 0x88, 0x0b, 0, 4, callId >> 8, callId & 255, 0, 0, 0, 1);
  const ip = fromClient
    ? { src: ends.client, dst: ends.serverSeen, protocol: 47, id: 5 }
    : { src: ends.server, dst: ends.clientSeen, protocol: 47, id: 6 };
  const packet = ipv4(ip, concat(header, Uint8Array.of(1, 2, 3, 4)));
  return fromClient === ends.outward ? lan(packet) : wan(packet);
}

export function pptp(choice: Choice, ends: SaidEnds): Helped {
  const control = new Said(choice, { ...ends, serverPort: 1723 });
  const steps: Step[] = [];
  const client = (type: number, body: string, length: number): void =>
    control.segment("client", PSH | ACK, message(type, body, length));
  const server = (type: number, body: string, length: number): void =>
    control.segment("server", PSH | ACK, message(type, body, length));
  // Under NAT the client's id outside is its port outside.
  const inner = choice.pick([1, 0x1234]);
  const translated = ends.client !== ends.clientSeen || ends.server !== ends.serverSeen;
  const outer = translated ? ends.clientPort : inner;
  const pac = choice.pick([7, 0x4321]);
  const result = choice.oneIn(8) ? 2 : 1;
  const look = (): void => {
    steps.push(...control.steps.splice(0));
    if (choice.oneIn(2)) steps.push({ run: choice.pick(["conntrack -L expect", "conntrack -L"]) });
  };
  const tunnel = (): void => {
    look();
    for (let left = choice.below(5); left > 0; left--) {
      const wrong = choice.oneIn(10) ? 1 : 0;
      steps.push(choice.oneIn(2) ? tunnelled(ends, true, pac + wrong) : tunnelled(ends, false, outer + wrong));
    }
  };
  control.handshake();
  if (!choice.oneIn(8)) client(1, "", 144);
  if (!choice.oneIn(8)) server(2, `\u0001\0${okay(result)}`, 144);
  for (let calls = choice.between(1, 3); calls > 0; calls--) {
    if (choice.oneIn(2)) {
      if (!choice.oneIn(8)) client(7, half(inner), choice.oneIn(12) ? 20 : 156);
      server(8, half(pac) + half(choice.oneIn(10) ? outer + 1 : outer) + okay(result), 20);
      if (choice.oneIn(6)) server(8, half(pac) + half(outer) + okay(1), 20);
    } else {
      server(9, half(pac), 208);
      if (!choice.oneIn(8)) client(10, half(inner) + half(choice.oneIn(10) ? pac + 1 : pac) + okay(result), 12);
      server(11, half(inner), 16);
    }
    tunnel();
    choice.pick([
      () => client(5, "", 4),
      () => server(15, half(inner), 12),
      () => server(14, half(inner), 28),
      () => client(15, half(pac), 12),
      () => server(3, "", 4),
      () => client(99, "", 4),
      () => control.segment("client", PSH | ACK, message(7, half(9), 156, 0x1a2b_3c4e)),
    ])();
    if (choice.oneIn(2)) {
      client(12, half(inner), 4);
      server(13, half(pac), 136);
      tunnel();
    }
  }
  if (choice.oneIn(3)) {
    client(3, "\u0001", 4);
    server(4, okay(1), 4);
  }
  if (choice.oneIn(2)) control.close();
  steps.push(...control.steps.splice(0));
  return { helper: "pptp", match: "-p tcp --dport 1723", steps };
}
