/** ULOG: tells a program about a packet; Linux has had NFLOG in its place since 3.17. Models libipt_ULOG.c. */
import { absentTarget } from "../absent.js";
import type { TargetExtension } from "../extension.js";
import { stringOption, uint64Option, uintOption } from "../options.js";

export const ulogTarget: TargetExtension = absentTarget({
  name: "ULOG",
  families: ["ipv4"],
  help: `
ULOG target options:
 --ulog-nlgroup nlgroup		NETLINK group used for logging
 --ulog-cprange size		Bytes of each packet to be passed
 --ulog-qthreshold		Threshold of in-kernel queue
 --ulog-prefix prefix		Prefix log messages with this prefix.
`,
  options: [
    { name: "ulog-nlgroup", parse: uintOption(1, 32) },
    { name: "ulog-prefix", parse: stringOption(0, Number.MAX_SAFE_INTEGER) },
    { name: "ulog-cprange", parse: uint64Option },
    { name: "ulog-qthreshold", parse: uintOption(1, 50) },
  ],
});
