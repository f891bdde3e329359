/** Helpers: protocols whose connections announce others, through every translation. */
import type { Choice } from "../choice.js";
import { amanda, tftp } from "./helpers/datagrams.js";
import { FTP_CLIENTS, ftp } from "./helpers/ftp.js";
import type { Helped } from "./helpers/helped.js";
import { irc } from "./helpers/irc.js";
import { pptp } from "./helpers/pptp.js";
import type { SaidEnds } from "./helpers/said.js";
import { sane } from "./helpers/sane.js";
import { sip } from "./helpers/sip.js";
import {
  closing,
  DEVICES,
  FAR_SERVER,
  FORWARDING,
  type Kind,
  OUTSIDE,
  putIn,
  ROUTE,
  SERVER,
  stateCounters,
  TOOLS,
} from "./router.js";

/** Which way the connection goes, and what the router makes of it. */
function passage(choice: Choice, tool: string): { readonly setup: readonly string[]; readonly ends: SaidEnds } {
  const client = choice.pick(FTP_CLIENTS);
  const server = choice.pick([SERVER, SERVER, FAR_SERVER]);
  const ports = { clientPort: 40_021, serverPort: 21 };
  const outward = { client, server, serverSeen: server, ...ports, outward: true };
  return choice.pick([
    () => ({
      setup: [`${tool} -t nat -A POSTROUTING -o wan0 -j SNAT --to-source ${OUTSIDE}`],
      ends: { ...outward, clientSeen: OUTSIDE },
    }),
    () => ({
      setup: [`${tool} -t nat -A POSTROUTING -o wan0 -j MASQUERADE`],
      ends: { ...outward, clientSeen: OUTSIDE },
    }),
    () => ({ setup: [], ends: { ...outward, clientSeen: client } }),
    // A server inside, known by the router's name.
    () => ({
      setup: [`${tool} -t nat -A PREROUTING -i wan0 -d ${OUTSIDE} -j DNAT --to-destination ${client}`],
      ends: { client: server, clientSeen: server, server: client, serverSeen: OUTSIDE, ...ports, outward: false },
    }),
    // Both ends in disguise.
    () => ({
      setup: [
        `${tool} -t nat -A PREROUTING -i lan0 -d 198.51.100.77 -j DNAT --to-destination ${server}`,
        `${tool} -t nat -A POSTROUTING -o wan0 -j SNAT --to-source ${OUTSIDE}`,
      ],
      ends: { ...outward, serverSeen: "198.51.100.77", clientSeen: OUTSIDE },
    }),
  ])();
}

const PROTOCOLS: readonly ((choice: Choice, ends: SaidEnds) => Helped)[] = [
  ftp,
  ftp,
  irc,
  tftp,
  amanda,
  sane,
  pptp,
  sip,
  sip,
  sip,
];

export const HELPERS: Kind = {
  name: "helpers",
  about: "FTP and others whose connections announce further ones, rewritten by NAT",
  make(choice) {
    const tool = choice.pick(TOOLS);
    const { setup, ends } = passage(choice, tool);
    const { helper, match, steps } = choice.pick(PROTOCOLS)(choice, ends);
    const rules = [
      `${tool} -t raw -A PREROUTING ${match} -j CT --helper ${helper}`,
      ...setup,
      `${tool} -A FORWARD -m helper --helper ${helper}`,
      ...(choice.oneIn(3) ? [`${tool} -A FORWARD -m conntrack --ctstatus EXPECTED -m comment --comment expected`] : []),
      ...(choice.oneIn(6) ? [`${tool} -t mangle -A FORWARD -m helper ! --helper x -j CONNMARK --set-mark 5`] : []),
      ...stateCounters(tool),
    ];
    return {
      devices: DEVICES,
      sysctl: FORWARDING,
      setup: [ROUTE, ...putIn(choice, tool, rules)],
      steps,
      finally: ["conntrack -L expect", "cat /proc/net/nf_conntrack_expect", "conntrack -C expect", ...closing(tool)],
    };
  },
};
