/** `ip` of iproute2 6.1: its options and objects. Tunnels, namespaces and monitoring are not supported. */
import type { CommandProcess } from "../../command.js";
import type { LabCommand, LabContext } from "../../environment.js";
import { everydayPart, withPart } from "../../parts.js";
import { ipAddress } from "./address.js";
import { ipLink } from "./link.js";
import type { ipObjects } from "./objects.js";
import type { IpOptions } from "./options.js";
import { ipRoute } from "./route.js";
import { OtherReader } from "./route-words.js";
import { IpError, UsageError, Words, wrongArgument } from "./words.js";

type PartObject = keyof typeof ipObjects;

/** Objects in iproute2's order: the first that a word abbreviates is meant. Those with a name come in a part. */
const OBJECTS: readonly (readonly [string, typeof ipAddress | typeof ipLink | typeof ipRoute | PartObject | null])[] = [
  ["address", ipAddress],
  ["addrlabel", null],
  ["maddress", null],
  ["route", ipRoute],
  ["rule", "rule"],
  ["neighbor", "neighbour"],
  ["neighbour", "neighbour"],
  ["ntable", null],
  ["link", ipLink],
  ["l2tp", null],
  ["fou", null],
  ["ila", null],
  ["macsec", null],
  ["tunnel", null],
  ["tuntap", null],
  ["token", null],
  ["tcpmetrics", null],
  ["monitor", null],
  ["xfrm", null],
  ["mroute", null],
  ["mrule", null],
  ["netns", null],
  ["netconf", null],
  ["vrf", null],
  ["sr", null],
  ["nexthop", null],
  ["mptcp", null],
  ["ioam", null],
  ["help", null],
];

/** Options that change nothing of what the lab prints, with the least that stands for each. */
const NO_MATTER: readonly (readonly [name: string, shortest: number])[] = [
  ["all", 1],
  ["color=auto", 7],
  ["color=never", 7],
  ["force", 2],
  ["pretty", 1],
  ["resolve", 1],
  ["timestamp", 1],
  ["tshort", 2],
];

/** Options that would change what is printed, or where. */
const UNSUPPORTED: readonly string[] = [
  "batch",
  "color",
  "color=always",
  "details",
  "human",
  "human-readable",
  "iec",
  "json",
  "netns",
  "Numeric",
  "rcvbuf",
];

const FAMILIES: Readonly<Record<string, IpOptions["family"]>> = { inet: 4, inet6: 6, link: 0, any: null };

/** Models `read_family()`. */
function familyOf(text: string | undefined): IpOptions["family"] {
  if (text === undefined) throw new UsageError("ip");
  const family = FAMILIES[text];
  if (family !== undefined) return family;
  throw text === "mpls" || text === "bridge"
    ? new IpError(`ip -family ${text}: not supported by the lab`, 255)
    : wrongArgument(text, "invalid protocol family");
}

function run(context: LabContext): number | CommandProcess {
  const { args, stdout } = context;
  let options: IpOptions = { family: null, brief: false, oneLine: false, statistics: 0, details: false };
  let at = 0;
  for (; at < args.length && args[at].startsWith("-"); at++) {
    if (args[at] === "--") {
      at++;
      break;
    }
    const option = args[at].replace(/^--?/, "");
    if (option === "") {
      // The beginning of `-loops`, whose number is the next word.
      at++;
      continue;
    }
    const is = (full: string, shortest: number): boolean => option.length >= shortest && full.startsWith(option);
    if (option === "0" || option === "4" || option === "6")
      options = { ...options, family: Number(option) as 0 | 4 | 6 };
    else if (is("brief", 2)) options = { ...options, brief: true };
    else if (is("oneline", 1)) options = { ...options, oneLine: true };
    else if (is("statistics", 1) || is("stats", 1)) options = { ...options, statistics: options.statistics + 1 };
    else if (NO_MATTER.some(([full, shortest]) => is(full, shortest))) continue;
    else if (is("family", 1)) options = { ...options, family: familyOf(args[++at]) };
    else if (is("Version", 1)) {
      stdout.write("ip utility, iproute2-6.1.0, libbpf 1.1.2\n");
      return 0;
    } else if (is("loops", 1)) at++;
    else if (is("help", 2)) throw new UsageError("ip");
    else {
      const refused = UNSUPPORTED.find((full) => is(full, 1));
      if (refused !== undefined) throw new IpError(`ip -${refused}: not supported by the lab`, 255);
      throw new IpError(`Option "-${option}" is unknown, try "ip -help".`, 255);
    }
  }
  const word = args[at];
  if (word === undefined) throw new UsageError("ip");
  const object = OBJECTS.find(([name]) => word !== "" && name.startsWith(word));
  if (object === undefined) throw new IpError(`Object "${word}" is unknown, try "ip help".`, 1);
  const [name, handler] = object;
  if (name === "help") throw new UsageError("ip");
  const ofLink = options.family === 0;
  if (handler === null || (ofLink && name !== "address" && name !== "link"))
    throw new IpError(`ip ${ofLink ? "-0 " : ""}${name}: not supported by the lab`, 255);
  const words = (): Words => new Words(args.slice(at + 1));
  const inPart = (object: PartObject, left = words()): CommandProcess | number =>
    withPart(everydayPart, ({ ipObjects }) =>
      told(context, () => orByAnother(() => ipObjects[object](context, options, left))),
    );
  /** Has what another reader understands read by that. */
  const orByAnother = <Done>(act: () => Done): Done | CommandProcess | number => {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof OtherReader)) throw error;
      return inPart(error.reader);
    }
  };
  if (name === "route" && options.family === 6) return inPart("route6");
  if (typeof handler !== "function") return inPart(handler);
  const given = words();
  const done = orByAnother(() => handler(context, options, given));
  return typeof done === "string" ? inPart(done, given) : done;
}

/** What was done, or what is wrong, told on stderr. */
function told(context: LabContext, act: () => number | CommandProcess): number | CommandProcess {
  const { stderr } = context;
  try {
    return act();
  } catch (error) {
    if (error instanceof UsageError)
      return withPart(everydayPart, ({ ipUsages }) => {
        stderr.write(`${ipUsages[error.object]}\n`);
        return 255;
      });
    if (!(error instanceof IpError)) throw error;
    stderr.write(`${error.message}\n`);
    return error.status;
  }
}

export const ip: LabCommand = (context) => told(context, () => run(context));
