/** SANE: requests and answers of a network scanner's control connection. */
import type { Choice } from "../../choice.js";
import { ACK, PSH } from "../../packets.js";
import type { Step } from "../../scenario.js";
import type { Helped } from "./helped.js";
import { Said, type SaidEnds } from "./said.js";

const word = (value: number): string =>
  String.fromCharCode((value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);

export function sane(choice: Choice, ends: SaidEnds): Helped {
  const control = new Said(choice, { ...ends, serverPort: 6566 });
  const steps: Step[] = [];
  control.handshake();
  for (let left = choice.between(2, 8); left > 0; left--) {
    const port = choice.pick([6567, 6568, 40_000 + choice.below(20)]);
    const code = choice.pick([7, 7, 7, 3, 8]);
    control.segment("client", PSH | ACK, word(code) + (choice.oneIn(8) ? word(1) + word(2) : word(1)));
    const status = choice.oneIn(6) ? 5 : 0;
    const zero = choice.oneIn(8) ? 0x0001_0000 : 0;
    const answer = word(status) + word(zero + port) + word(0x1234);
    control.segment("server", PSH | ACK, choice.oneIn(8) ? answer.slice(0, 6) : answer);
    if (choice.oneIn(6)) control.segment("server", PSH | ACK, answer);
    steps.push(...control.steps.splice(0));
    if (choice.oneIn(3)) steps.push({ run: "conntrack -L expect" });
    if (choice.oneIn(3)) continue;
    const data = new Said(choice, { ...ends, clientPort: 50_200, serverPort: port });
    data.handshake();
    data.segment("server", PSH | ACK, "picture");
    steps.push(...data.steps);
  }
  return { helper: "sane", match: "-p tcp --dport 6566", steps };
}
