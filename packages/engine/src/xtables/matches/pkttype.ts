/** `-m pkttype`: how the frame was addressed. Models pkttype_mt(), net/netfilter/xt_pkttype.c. */
import { PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST } from "../../skb.js";
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";

/** `PACKET_OTHERHOST`: no packet that the IP layer looks at. */
const PACKET_OTHERHOST = 3;

/** The first name of a type is the one printed. */
const TYPES: readonly (readonly [string, number])[] = [
  ["unicast", PACKET_HOST],
  ["broadcast", PACKET_BROADCAST],
  ["multicast", PACKET_MULTICAST],
  ["otherhost", PACKET_OTHERHOST],
  ["bcast", PACKET_BROADCAST],
  ["mcast", PACKET_MULTICAST],
  ["host", PACKET_HOST],
];

export const pkttypeMatch: MatchExtension = {
  kind: "match",
  name: "pkttype",
  help: `
pkttype match options:
[!] --pkt-type packettype    match packet type
Valid packet types:
	unicast       		to us
	broadcast     		to all
	multicast     		to group
	otherhost     		to someone else

`,
  options: [
    {
      name: "pkt-type",
      mandatory: true,
      invert: true,
      parse(text) {
        const found = TYPES.find(([name]) => name === text.toLowerCase());
        if (found === undefined) throw new ParameterProblem(`Bad packet type '${text}'`);
        return found[1];
      },
    },
  ],
  build(values) {
    const type = values.get<number>("pkt-type") as number;
    const inverted = values.inverted("pkt-type");
    const name = TYPES.find(([, number]) => number === type)?.[0];
    return {
      name: "pkttype",
      match: ({ skb }) => (skb.packetType === type) !== inverted,
      save: () => `${inverted ? " !" : ""} --pkt-type ${name}`,
      print: () => ` PKTTYPE ${inverted ? "!=" : "="} ${name}`,
    };
  },
};
