/**
 * CLUSTERIP: an address that several hosts share; Linux has had `-m cluster` in its place since 6.2. Models
 * libipt_CLUSTERIP.c.
 */
import { absentTarget } from "../absent.js";
import { ParameterProblem } from "../error.js";
import type { TargetExtension } from "../extension.js";
import { parseMac } from "../matches/mac.js";
import { uintOption } from "../options.js";

const MODES: readonly string[] = ["sourceip", "sourceip-sourceport", "sourceip-sourceport-destport"];
/** What makes a new one: all of them, or none. */
const FOR_NEW: readonly string[] = ["new", "hashmode", "clustermac", "total-nodes", "local-node"];

export const clusteripTarget: TargetExtension = absentTarget({
  name: "CLUSTERIP",
  families: ["ipv4"],
  help: `
CLUSTERIP target options:
  --new			 Create a new ClusterIP
  --hashmode <mode>		 Specify hashing mode
					sourceip
					sourceip-sourceport
					sourceip-sourceport-destport
  --clustermac <mac>		 Set clusterIP MAC address
  --total-nodes <num>		 Set number of total nodes in cluster
  --local-node <num>		 Set the local node number
  --hash-init <num>		 Set init value of the Jenkins hash
`,
  options: [
    { name: "new" },
    {
      name: "hashmode",
      parse(text) {
        if (!MODES.includes(text)) throw new ParameterProblem(`Unknown hashmode "${text}"`);
        return text;
      },
    },
    {
      name: "clustermac",
      parse(text) {
        const mac = parseMac(text);
        if ((Number.parseInt(mac.slice(0, 2), 16) & 1) === 0)
          throw new ParameterProblem("MAC has to be a multicast ethernet address");
        return mac;
      },
    },
    { name: "total-nodes", parse: uintOption(0, 16) },
    { name: "local-node", parse: uintOption(0, 16) },
    { name: "hash-init", parse: uintOption(0, 0xffffffff) },
  ],
  finalCheck(values) {
    const given = FOR_NEW.filter((name) => values.has(name)).length;
    if (given !== 0 && given !== FOR_NEW.length)
      throw new ParameterProblem("CLUSTERIP target: Invalid parameter combination");
  },
});
