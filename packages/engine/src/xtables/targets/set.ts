/**
 * SET: puts what a packet says into an IP set, or takes it out. Sets have no skbinfo here, so that `--map-set` maps
 * nothing. Models set_target_v3(), net/netfilter/xt_set.c.
 */
import { changeByPacket } from "../../ipset/packet.js";
import { ParameterProblem } from "../error.js";
import { type TargetExtension, XT_CONTINUE } from "../extension.js";
import { uintOption } from "../options.js";
import { type SetReference, setOption, setText } from "../set-option.js";

const OPTIONS = ["add-set", "del-set", "map-set"] as const;
const MAPS = ["map-mark", "map-prio", "map-queue"] as const;

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
      // Classes and queues are for packets that leave.
      forbiddenHooks: values.has("map-prio") || values.has("map-queue") ? 3 : 0,
      target(par) {
        if (add !== undefined) changeByPacket(par, add.slot, add.sides, "add", said, exist);
        if (remove !== undefined) changeByPacket(par, remove.slot, remove.sides, "delete", {}, true);
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
