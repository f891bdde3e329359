/** `-m ttl`: the header's time to live. Models ttl_mt(), net/netfilter/xt_hl.c. */
import { ParameterProblem } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang, uintOption } from "../options.js";

const parse = uintOption(0, 255);

export const ttlMatch: MatchExtension = {
  kind: "match",
  name: "ttl",
  families: ["ipv4"],
  help: `
ttl match options:
[!] --ttl-eq value	Match time to live value
  --ttl-lt value	Match TTL < value
  --ttl-gt value	Match TTL > value
`,
  options: [
    { name: "ttl-lt", excludes: ["ttl-gt", "ttl-eq"], parse },
    { name: "ttl-gt", excludes: ["ttl-lt", "ttl-eq"], parse },
    { name: "ttl-eq", excludes: ["ttl-lt", "ttl-gt"], invert: true, parse },
    { name: "ttl", id: "ttl-eq", excludes: ["ttl-lt", "ttl-gt"], invert: true, parse },
  ],
  build(values) {
    const option = ["ttl-eq", "ttl-lt", "ttl-gt"].find((each) => values.has(each));
    if (option === undefined)
      throw new ParameterProblem("TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt");
    const ttl = values.get<number>(option) as number;
    const inverted = values.inverted(option);
    const operator = option === "ttl-lt" ? "<" : option === "ttl-gt" ? ">" : inverted ? "!=" : "==";
    return {
      name: "ttl",
      match({ skb: { data } }) {
        if (operator === "<") return data[8] < ttl;
        if (operator === ">") return data[8] > ttl;
        return (data[8] === ttl) !== inverted;
      },
      save: () => `${bang(inverted)} --${option} ${ttl}`,
      print: () => ` TTL match TTL ${operator} ${ttl}`,
    };
  },
};
