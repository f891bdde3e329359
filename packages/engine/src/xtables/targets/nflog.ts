/**
 * NFLOG: hands the packet to a program that listens on a netlink group. Nobody listens here: nothing happens to it.
 * Models nflog_tg(), net/netfilter/xt_NFLOG.c.
 */
import { ParameterProblem } from "../error.js";
import { type TargetExtension, XT_CONTINUE } from "../extension.js";
import { type OptionCall, saveString, stringOption, uintOption } from "../options.js";

/** What the kernel's structure holds; nf_tables' own log instruction takes more. */
const LEGACY_PREFIX = 63;
const NFT_PREFIX = 127;
const DEFAULT_THRESHOLD = 0;
const size = uintOption(0, 0xffffffff);

export const nflogTarget: TargetExtension = {
  kind: "target",
  name: "NFLOG",
  help: `
NFLOG target options:
 --nflog-group NUM		NETLINK group used for logging
 --nflog-range NUM		This option has no effect, use --nflog-size
 --nflog-size NUM		Number of bytes to copy
 --nflog-threshold NUM		Message threshold of in-kernel queue
 --nflog-prefix STRING		Prefix string for log messages
`,
  options: [
    { name: "nflog-group", parse: uintOption(0, 65_535) },
    {
      name: "nflog-prefix",
      parse(text, call) {
        const prefix = stringOption(1, Number.MAX_SAFE_INTEGER)(text, call);
        if (prefix.includes("\n")) throw new ParameterProblem("Newlines not allowed in --nflog-prefix");
        return prefix;
      },
    },
    {
      name: "nflog-range",
      excludes: ["nflog-size"],
      parse(text: string, call: OptionCall) {
        call.warn("warn: --nflog-range has never worked and is no longer supported, please use --nflog-size instead\n");
        return size(text, call);
      },
    },
    { name: "nflog-size", excludes: ["nflog-range"], parse: size },
    { name: "nflog-threshold", parse: uintOption(0, 65_535) },
  ],
  build(values, header) {
    const prefix = (values.get<string>("nflog-prefix") ?? "").slice(
      0,
      header.flavour === "nft" ? NFT_PREFIX : LEGACY_PREFIX,
    );
    const group = values.get<number>("nflog-group") ?? 0;
    const length = values.get<number>("nflog-size");
    const threshold = values.get<number>("nflog-threshold") ?? DEFAULT_THRESHOLD;
    const text = (before: string, quoted: string): string => {
      let all = prefix === "" ? "" : ` ${before}nflog-prefix${quoted}`;
      if (group !== 0) all += ` ${before}nflog-group ${group}`;
      if (length !== undefined) all += ` ${before}nflog-size ${length}`;
      if (threshold !== DEFAULT_THRESHOLD) all += ` ${before}nflog-threshold ${threshold}`;
      return all;
    };
    return {
      name: "NFLOG",
      target: () => XT_CONTINUE,
      save: () => text("--", saveString(prefix)),
      print: () => text("", saveString(prefix)),
    };
  },
};
