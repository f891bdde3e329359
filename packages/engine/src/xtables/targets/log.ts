/** LOG: a line about the packet in the kernel log. Models log_tg(), net/netfilter/xt_LOG.c. */
import { ParameterProblem } from "../error.js";
import { type Target, type TargetExtension, XT_CONTINUE, type XtActionParam } from "../extension.js";
import { LOG_IPOPT, LOG_MACDECODE, LOG_TCPOPT, LOG_TCPSEQ, LOG_UID, packetLogLine } from "../log.js";
import { parseUint, saveString, stringOption } from "../options.js";

/** Names of syslog levels; the first of a number is the one printed. */
const LEVELS: readonly (readonly [string, number])[] = [
  ["emerg", 0],
  ["panic", 0],
  ["alert", 1],
  ["crit", 2],
  ["err", 3],
  ["error", 3],
  ["warn", 4],
  ["warning", 4],
  ["notice", 5],
  ["info", 6],
  ["debug", 7],
];
const DEFAULT_LEVEL = 4;
const MAX_PREFIX = 29;

const FLAGS: readonly (readonly [string, number])[] = [
  ["tcp-sequence", LOG_TCPSEQ],
  ["tcp-options", LOG_TCPOPT],
  ["ip-options", LOG_IPOPT],
  ["uid", LOG_UID],
  ["macdecode", LOG_MACDECODE],
];

function parseLevel(text: string): number {
  const level = parseUint(text, 0, 7) ?? LEVELS.find(([name]) => name === text)?.[1];
  if (level === undefined) throw new ParameterProblem(`log level "${text}" unknown\n`);
  return level;
}

class LogTarget implements Target {
  readonly name: string = "LOG";
  readonly #prefix: string;
  readonly #level: number;
  readonly #flags: number;

  constructor(prefix: string, level: number, flags: number) {
    this.#prefix = prefix;
    this.#level = level;
    this.#flags = flags;
  }

  target(par: XtActionParam): number {
    par.net.printk(packetLogLine(par.skb, par.state, this.#prefix, this.#flags));
    return XT_CONTINUE;
  }

  save(): string {
    let text = this.#prefix === "" ? "" : ` --log-prefix${saveString(this.#prefix)}`;
    if (this.#level !== DEFAULT_LEVEL) text += ` --log-level ${this.#level}`;
    for (const [name, bit] of FLAGS) if (this.#flags & bit) text += ` --log-${name}`;
    return text;
  }

  print(numeric: boolean): string {
    let text = " LOG";
    if (numeric) text += ` flags ${this.#flags} level ${this.#level}`;
    else {
      text += ` level ${LEVELS.find(([, level]) => level === this.#level)?.[0]}`;
      for (const [name, bit] of FLAGS) if (this.#flags & bit) text += ` ${name}`;
    }
    return this.#prefix === "" ? text : `${text} prefix "${this.#prefix}"`;
  }
}

export const logTarget: TargetExtension = {
  kind: "target",
  name: "LOG",
  help: `
LOG target options:
 --log-level level		Level of logging (numeric or see syslog.conf)
 --log-prefix prefix		Prefix log messages with this prefix.
 --log-tcp-sequence		Log TCP sequence numbers.
 --log-tcp-options		Log TCP options.
 --log-ip-options		Log IP options.
 --log-uid			Log UID owning the local socket.
 --log-macdecode		Decode MAC addresses and protocol.
`,
  options: [
    { name: "log-level", parse: parseLevel },
    {
      name: "log-prefix",
      parse(text, call) {
        const prefix = stringOption(1, Number.MAX_SAFE_INTEGER)(text, call);
        if (prefix.includes("\n")) throw new ParameterProblem("Newlines not allowed in --log-prefix");
        return prefix.slice(0, MAX_PREFIX);
      },
    },
    ...FLAGS.map(([name]) => ({ name: `log-${name}` })),
  ],
  build(values) {
    let flags = 0;
    for (const [name, bit] of FLAGS) if (values.has(`log-${name}`)) flags |= bit;
    return new LogTarget(
      values.get<string>("log-prefix") ?? "",
      values.get<number>("log-level") ?? DEFAULT_LEVEL,
      flags,
    );
  },
};
