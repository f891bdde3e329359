/** Helpers over IPv6: those whose protocols can say an address of it, through NAT66. */
import type { Choice } from "../choice.js";
import { amanda, tftp } from "./helpers/datagrams.js";
import { ftp } from "./helpers/ftp.js";
import type { Helped } from "./helpers/helped.js";
import type { SaidEnds } from "./helpers/said.js";
import { sane } from "./helpers/sane.js";
import { sip } from "./helpers/sip.js";
import { closing, type Kind, loaded, stateCounters } from "./router.js";
import { CLIENT, DEVICES_6, FAR_SERVER, FORWARDING_6, OTHER_CLIENT, OUTSIDE, ROUTES_6, SERVER } from "./router6.js";

const CLIENTS: readonly string[] = [CLIENT, OTHER_CLIENT, "2001:db8:1:0:1:0:0:22"];
const SERVERS: readonly string[] = [SERVER, FAR_SERVER];
const DISGUISE = "2001:db8:2::77";

/** Which way the connection goes, and what NAT66 makes of it. */
function passage(choice: Choice, tool: string): { readonly rules: readonly string[]; readonly ends: SaidEnds } {
  const client = choice.pick(CLIENTS);
  const server = choice.pick(SERVERS);
  const ports = { clientPort: 40_021, serverPort: 21 };
  const outward = { client, server, serverSeen: server, ...ports, outward: true };
  return choice.pick([
    () => ({
      rules: [`${tool} -t nat -A POSTROUTING -o wan0 -j SNAT --to-source ${OUTSIDE}`],
      ends: { ...outward, clientSeen: OUTSIDE },
    }),
    () => ({
      rules: [`${tool} -t nat -A POSTROUTING -o wan0 -j MASQUERADE`],
      ends: { ...outward, clientSeen: OUTSIDE },
    }),
    () => ({ rules: [], ends: { ...outward, clientSeen: client } }),
    () => ({
      rules: [`${tool} -t nat -A PREROUTING -i wan0 -d ${OUTSIDE} -j DNAT --to-destination ${client}`],
      ends: { client: server, clientSeen: server, server: client, serverSeen: OUTSIDE, ...ports, outward: false },
    }),
    () => ({
      rules: [
        `${tool} -t nat -A PREROUTING -i lan0 -d ${DISGUISE} -j DNAT --to-destination ${server}`,
        `${tool} -t nat -A POSTROUTING -o wan0 -j SNAT --to-source ${OUTSIDE}`,
      ],
      ends: { ...outward, serverSeen: DISGUISE, clientSeen: OUTSIDE },
    }),
  ])();
}

const PROTOCOLS: readonly ((choice: Choice, ends: SaidEnds) => Helped)[] = [ftp, ftp, tftp, amanda, sane, sip, sip];

export const HELPERS_6: Kind = {
  name: "helpers6",
  about: "FTP, TFTP, Amanda, SANE and SIP over IPv6, rewritten by NAT66",
  make(choice) {
    const tool = "ip6tables-legacy";
    const { rules, ends } = passage(choice, tool);
    const { helper, match, steps } = choice.pick(PROTOCOLS)(choice, ends);
    const assigned = `${tool} -t raw -A PREROUTING ${match} -j CT --helper ${helper}`;
    const counted = `${tool} -A FORWARD -m helper --helper ${helper}`;
    return {
      devices: DEVICES_6,
      sysctl: FORWARDING_6,
      setup: [...ROUTES_6, loaded(tool, [assigned, ...rules, counted, ...stateCounters(tool)])],
      steps,
      finally: ["cat /proc/net/nf_conntrack_expect", "conntrack -L -f ipv6", ...closing(tool)],
    };
  },
};
