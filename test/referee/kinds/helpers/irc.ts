/** IRC: private messages that invite to a DCC connection, and those that nearly do. */
import type { Choice } from "../../choice.js";
import { SYN } from "../../packets.js";
import type { Step } from "../../scenario.js";
import type { Helped } from "./helped.js";
import { Said, type SaidEnds } from "./said.js";

const asNumber = (address: string): number =>
  address.split(".").reduce((number, part) => number * 256 + Number(part), 0);

function invitation(choice: Choice, address: number, port: number): string {
  const command = choice.pick(["SEND", "CHAT", "MOVE", "TSEND", "SCHAT"]);
  const size = choice.pick(["", " 1234", " 999999"]);
  return `PRIVMSG friend :\u0001DCC ${command} file.txt ${address} ${port}${size}\u0001\r\n`;
}

function oddInvitation(choice: Choice, address: number, port: number): string {
  return choice.pick([
    `PRIVMSG friend :\u0001DCC SEND ${address} ${port}\u0001\r\n`,
    `PRIVMSG friend :\u0001DCC GIVE file.txt ${address} ${port} 5\u0001\r\n`,
    `PRIVMSG friend :\u0001DCC GIVE :\u0001DCC SEND f ${address} ${port} 5\u0001\r\n`,
    `PRIVMSG friend :\u0001DCC SEND file.txt ${address + 1} ${port} 5\u0001\r\n`,
    `PRIVMSG friend :\u0001DCC SEND file.txt ${address} 0 5\u0001\r\n`,
    `PRIVMSG friend :\u0001DCC SEND file.txt ${address}   ${port} 5\u0001\r\n`,
    `PRIVMSG friend :\u0001DCC SEND file.txt ${address} ${port} 5\u0001`,
    `PRIVMSG friend :\u0001DCC SEND file.txt ${address + 2 ** 32} ${port + 65_536} 5\u0001\r\n`,
    `PRIVMSG friend :DCC SEND file.txt ${address} ${port} 5\r\n`,
    `  \r\nprivmsg friend :\u0001DCC SEND file.txt ${address} ${port} 5\u0001\r\n`,
    `NOTICE friend :\u0001DCC SEND file.txt ${address} ${port} 5\u0001\r\n`,
    `PRIVMSG friend :\u0001dcc SEND file.txt ${address} ${port} 5\u0001\r\n`,
    `PRIVMSG a :\u0001DCC SEND f 1 2\u0001\n`,
    `PRIVMSG x`,
    `PRIVMSG a :\u0001DCC CHAT chat ${address} ${port}\u0001\nPRIVMSG a :\u0001DCC CHAT chat ${address} ${port + 1}\u0001\n`,
  ]);
}

export function irc(choice: Choice, ends: SaidEnds): Helped {
  const control = new Said(choice, { ...ends, serverPort: 6667 });
  const steps: Step[] = [];
  control.handshake();
  for (let left = choice.between(2, 12); left > 0; left--) {
    const port = choice.pick([5000, 5001, 5002, 1024 + choice.below(40)]);
    // Some clients know how the world sees them.
    const address = asNumber(choice.oneIn(5) ? ends.clientSeen : ends.client);
    const seen = asNumber(ends.clientSeen);
    const line = choice.oneIn(3) ? oddInvitation(choice, address, port) : invitation(choice, address, port);
    control.line("client", line, String(seen).length - String(address).length);
    if (choice.oneIn(3)) control.line("server", `:friend PRIVMSG me :\u0001DCC SEND f ${address} ${port} 5\u0001\r\n`);
    steps.push(...control.steps.splice(0));
    if (choice.oneIn(3)) steps.push({ run: "conntrack -L expect" });
    if (choice.oneIn(2)) continue;
    const friend = choice.pick(["203.0.113.7", "198.51.100.200"]);
    const data = new Said(choice, {
      client: friend,
      clientSeen: friend,
      clientPort: 3333,
      server: ends.client,
      serverSeen: ends.clientSeen,
      serverPort: port,
      outward: !ends.outward,
    });
    if (choice.oneIn(3)) data.segment("client", SYN);
    else data.handshake();
    steps.push(...data.steps);
  }
  if (choice.oneIn(2)) control.close();
  return { helper: "irc", match: "-p tcp --dport 6667", steps: [...steps, ...control.steps] };
}
