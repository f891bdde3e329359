/**
 * SET: puts what a packet says into an IP set, takes it out, or gives the packet what the set says of it. A device has
 * one queue here, so that `--map-queue` changes nothing. Models set_target_v3(), net/netfilter/xt_set.c.
 */
import { NO_SKB_INFO, TEST_YES } from "../../ipset/ipset.js";
import { changeByPacket, countPacket, testPacket } from "../../ipset/packet.js";
import { ParameterProblem } from "../error.js";
import { type TargetExtension, XT_CONTINUE, type XtActionParam } from "../extension.js";
import { uintOption } from "../options.js";
import { type SetReference, setOption, setText } from "../set-option.js";

const OPTIONS = ["add-set", "del-set", "map-set"] as const;
const MAPS = ["map-mark", "map-prio", "map-queue"] as const;

/** Maps mark and class of the element that has the packet. */
function mapPacket(par: XtActionParam, { slot, sides }: SetReference, mark: boolean, priority: boolean): void {
  if (testPacket(par, slot, sides) !== TEST_YES) return;
  const { set } = slot;
  countPacket(par, set, true, true);
  // A list's member speaks where the list has nothing to say.
  const speaks = set.options.skbinfo ? set : (set.found?.key.slot?.set ?? set);
  const info = speaks.found?.skbinfo ?? NO_SKB_INFO;
  const { skb } = par;
  if (mark) skb.mark = ((skb.mark & ~info.mask) ^ info.mark) >>> 0;
  if (priority) skb.priority = info.priority;
}

export const setTarget: TargetExtension = {
  kind: "target",
  name: "SET",
  help: `
SET target options:
 --add-set name flags [--exist] [--timeout n]
 --del-set name flags
 --map-set name flags [--map-mark] [--map-prio] [--map-queue]
		add/del src/dst IP/port from/to named sets,
		where flags are the comma separated list of
		'src' and 'dst' specifications.
`,
  options: [
    ...OPTIONS.map((name) => ({
      name,
      secondArgument: `--${name} requires two args.`,
      onlyOne: `--${name} can be specified only once`,
      parse: setOption,
    })),
    { name: "exist" },
    { name: "timeout", parse: uintOption(0, 0xffffffff) },
    ...MAPS.map((name) => ({ name })),
  ],
  build(values) {
    const given = OPTIONS.filter((name) => values.has(name));
    if (given.length === 0)
      throw new ParameterProblem("You must specify either `--add-set' or `--del-set' or `--map-set'");
    const add = values.get<SetReference>("add-set");
    const remove = values.get<SetReference>("del-set");
    const map = values.get<SetReference>("map-set");
    const exist = values.has("exist");
    const timeout = values.get<number>("timeout");
    const [mapMark, mapPriority, mapQueue] = MAPS.map((name) => values.has(name));
    if (map !== undefined && !mapMark && !mapPriority && !mapQueue)
      throw new ParameterProblem("You must specify flags `--map-mark' or '--map-prio` or `--map-queue'");
    const all = [add, remove, map].filter((each) => each !== undefined);
    const text = (before: string): string => {
      let line = "";
      if (add !== undefined) {
        line += ` ${before}add-set ${setText(add)}`;
        if (exist) line += ` ${before}exist`;
        if (timeout !== undefined) line += ` ${before}timeout ${timeout}`;
      }
      if (remove !== undefined) line += ` ${before}del-set ${setText(remove)}`;
      if (map !== undefined) {
        line += ` ${before}map-set ${setText(map)}`;
        for (const name of MAPS) if (values.has(name)) line += ` ${before}${name}`;
      }
      return line;
    };
    const said = timeout === undefined ? {} : { timeout };
    return {
      name: "SET",
      ...(map === undefined ? {} : { onlyTable: "mangle" }),
      // Classes and queues are for packets that leave.
      forbiddenHooks: mapPriority || mapQueue ? 3 : 0,
      target(par) {
        if (add !== undefined) changeByPacket(par, add.slot, add.sides, "add", said, exist);
        if (remove !== undefined) changeByPacket(par, remove.slot, remove.sides, "delete", {}, true);
        if (map !== undefined) mapPacket(par, map, mapMark, mapPriority);
        return XT_CONTINUE;
      },
      attach() {
        for (const { slot } of all) slot.references++;
      },
      detach() {
        for (const { slot } of all) slot.references--;
      },
      save: () => text("--"),
      print: () => text(""),
    };
  },
};
