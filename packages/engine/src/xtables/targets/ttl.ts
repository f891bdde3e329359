/** TTL: writes the time to live. Models ttl_tg(), net/netfilter/xt_HL.c. */
import { ParameterProblem } from "../error.js";
import { type TargetExtension, XT_CONTINUE } from "../extension.js";
import { uintOption } from "../options.js";
import { putIpByte } from "../packet-edit.js";

const OPTIONS = ["ttl-set", "ttl-dec", "ttl-inc"] as const;
const LISTED = { "ttl-set": "set to", "ttl-dec": "decrement by", "ttl-inc": "increment by" } as const;

export const ttlTarget: TargetExtension = {
  kind: "target",
  name: "TTL",
  families: ["ipv4"],
  tables: ["mangle"],
  help: `
TTL target options
  --ttl-set value		Set TTL to <value 0-255>
  --ttl-dec value		Decrement TTL by <value 1-255>
  --ttl-inc value		Increment TTL by <value 1-255>
`,
  options: OPTIONS.map((name) => ({
    name,
    excludes: OPTIONS.filter((other) => other !== name),
    parse: uintOption(name === "ttl-set" ? 0 : 1, 255),
  })),
  build(values) {
    const option = OPTIONS.find((name) => values.has(name));
    if (option === undefined) throw new ParameterProblem("TTL: You must specify an action");
    const by = values.get<number>(option) as number;
    return {
      name: "TTL",
      target({ skb: { data } }) {
        const now = data[8];
        const ttl = option === "ttl-set" ? by : option === "ttl-inc" ? Math.min(now + by, 255) : Math.max(now - by, 0);
        if (ttl !== now) putIpByte(data, 8, ttl);
        return XT_CONTINUE;
      },
      save: () => ` --${option} ${by}`,
      print: () => ` TTL ${LISTED[option]} ${by}`,
    };
  },
};
