/** Commands about the host and about time: `sleep`, `timeout`, `date`, `hostname`, `dmesg`, `sudo`. */

import type { LabCommand, LabContext } from "../environment.js";
import { anyOf, endingAt, sleepFor } from "../scheduler.js";
import { untilMoving } from "../standstill.js";
import { lastOption, OptionError, type ParsedOptions, parseOptions } from "./getopt.js";

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86400 };

/** `1.5`, `10s`, `2m`: microseconds; null for another text. */
function interval(text: string): number | null {
  const match = /^(\d+(?:\.\d*)?|\.\d+)([smhd]?)$/.exec(text);
  return match === null ? null : Math.round(Number(match[1]) * UNITS[match[2] || "s"] * 1_000_000);
}

const sleep: LabCommand = function* ({ args, stderr, host }) {
  if (args.length === 0) {
    stderr.write("sleep: missing operand\nTry 'sleep --help' for more information.\n");
    return 1;
  }
  let total = 0;
  for (const text of args) {
    const micros = interval(text);
    if (micros === null) {
      stderr.write(`sleep: invalid time interval ‘${text}’\nTry 'sleep --help' for more information.\n`);
      return 1;
    }
    total += micros;
  }
  yield sleepFor(host.clock, total);
  return 0;
};

const timeout: LabCommand = function* (context) {
  const { stderr, host } = context;
  let parsed: ParsedOptions;
  try {
    parsed = parseOptions("timeout", context.args, {
      short: "s:k:v",
      long: { signal: { key: "s", value: "required" }, "preserve-status": { key: "p", value: "none" } },
      posix: true,
    });
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    stderr.write(`${error.message}\nTry 'timeout --help' for more information.\n`);
    return 125;
  }
  const [duration, ...words] = parsed.operands;
  if (words.length === 0) {
    stderr.write("timeout: missing operand\nTry 'timeout --help' for more information.\n");
    return 125;
  }
  const micros = interval(duration);
  if (micros === null) {
    stderr.write(`timeout: invalid time interval ‘${duration}’\nTry 'timeout --help' for more information.\n`);
    return 125;
  }
  const named = lastOption(parsed.options, (option) => option.key === "s")?.value ?? "TERM";
  const signal = /^(SIG)?INT$|^2$/.test(named) ? "SIGINT" : /^(SIG)?KILL$|^9$/.test(named) ? "SIGKILL" : "SIGTERM";
  const child = context.spawn(words, context);
  yield* untilMoving();
  const deadline = sleepFor(host.clock, micros);
  try {
    while (!child.done && host.clock.nowMicros < deadline.endsAtMicros) {
      const rest = sleepFor(host.clock, deadline.endsAtMicros - host.clock.nowMicros);
      yield endingAt(anyOf(child.ended, rest), deadline.endsAtMicros);
    }
    if (child.done) {
      if (child.failure !== null) throw child.failure.error;
      return child.status ?? 0;
    }
  } finally {
    child.kill(context.signal() ?? signal);
    if (context.signal() !== null && child.status !== null) context.catches(child.status);
  }
  if (parsed.options.some((option) => option.key === "p")) return child.status ?? 124;
  return signal === "SIGKILL" ? 137 : 124;
};

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The lab's wall clock: a `Date` of its virtual time, in UTC. */
export function labDate(context: Pick<LabContext, "host">): Date {
  return new Date(context.host.clock.epochMillis + Math.floor(context.host.clock.nowMicros / 1000));
}

const date: LabCommand = (context) => {
  const format = context.args.find((argument) => argument.startsWith("+"));
  const other = context.args.find((argument) => !argument.startsWith("+") && argument !== "-u");
  if (other !== undefined) {
    context.stderr.write(`date: ${other}: not supported by the lab\n`);
    return 1;
  }
  const now = labDate(context);
  const two = (value: number): string => String(value).padStart(2, "0");
  const fields: Readonly<Record<string, () => string>> = {
    a: () => DAYS[now.getUTCDay()],
    b: () => MONTHS[now.getUTCMonth()],
    d: () => two(now.getUTCDate()),
    e: () => String(now.getUTCDate()).padStart(2),
    F: () => now.toISOString().slice(0, 10),
    H: () => two(now.getUTCHours()),
    m: () => two(now.getUTCMonth() + 1),
    M: () => two(now.getUTCMinutes()),
    N: () => String((context.host.clock.nowMicros % 1_000_000) * 1000).padStart(9, "0"),
    s: () => String(Math.floor(now.getTime() / 1000)),
    S: () => two(now.getUTCSeconds()),
    T: () => now.toISOString().slice(11, 19),
    Y: () => String(now.getUTCFullYear()),
    Z: () => "UTC",
    "%": () => "%",
  };
  const text = (format ?? "+%a %b %e %T UTC %Y").slice(1);
  context.stdout.write(`${text.replace(/%(.)/g, (whole, letter: string) => fields[letter]?.() ?? whole)}\n`);
  return 0;
};

const hostname: LabCommand = ({ args, host, stdout, stderr }) => {
  if (args.length > 0) {
    stderr.write(`hostname: ${args[0]}: not supported by the lab\n`);
    return 1;
  }
  stdout.write(`${host.name}\n`);
  return 0;
};

const dmesg: LabCommand = ({ args, host, stdout, stderr }) => {
  const clear = args.includes("-c") || args.includes("-C");
  const other = args.find((argument) => !["-c", "-C", "-t"].includes(argument));
  if (other !== undefined) {
    stderr.write(`dmesg: ${other}: not supported by the lab\n`);
    return 1;
  }
  if (!args.includes("-C"))
    for (const { atMicros, line } of host.kernelLog) {
      const stamp = args.includes("-t") ? "" : `[${(atMicros / 1_000_000).toFixed(6).padStart(12)}] `;
      stdout.write(`${stamp}${line.replaceAll("\n", `\n${" ".repeat(stamp.length)}`)}\n`);
    }
  if (clear) host.kernelLog.length = 0;
  return 0;
};

/** Everyone in the lab is root. */
const sudo: LabCommand = function* (context) {
  if (context.args.length === 0 || context.args[0].startsWith("-")) {
    context.stderr.write("sudo: only `sudo COMMAND` is supported by the lab, where everyone is root\n");
    return 1;
  }
  const child = context.spawn(context.args, context);
  try {
    yield* untilMoving();
    while (!child.done) yield child.waitsUntilMicros > 0 ? endingAt(child.ended, child.waitsUntilMicros) : child.ended;
  } finally {
    child.kill(context.signal() ?? "SIGTERM");
    if (context.signal() !== null && child.status !== null) context.catches(child.status);
  }
  if (child.failure !== null) throw child.failure.error;
  return child.status ?? 0;
};

const uname: LabCommand = ({ args, host, stdout, stderr }) => {
  const option = args[0] ?? "-s";
  const texts: Readonly<Record<string, string>> = { "-s": "Linux", "-n": host.name };
  if (texts[option] === undefined) {
    stderr.write(`uname: ${option}: not supported by the lab\n`);
    return 1;
  }
  stdout.write(`${texts[option]}\n`);
  return 0;
};

const whoami: LabCommand = ({ stdout }) => {
  stdout.write("root\n");
  return 0;
};

/** Commands that people try and that the lab does not have: said by name, with what serves instead. */
function absent(instead: string): LabCommand {
  return ({ argv0, stderr }) => {
    stderr.write(`${argv0}: not supported by the lab${instead}\n`);
    return 127;
  };
}

export const systemTools: Readonly<Record<string, LabCommand>> = {
  awk: absent("; use grep, cut, sed, sort or the cell's own TypeScript"),
  curl: absent("; use nc"),
  date,
  dmesg,
  hostname,
  ifconfig: absent("; use ip addr"),
  nft: absent(" yet; use iptables"),
  route: absent("; use ip route"),
  sleep,
  sudo,
  timeout,
  uname,
  wget: absent("; use nc"),
  whoami,
};
