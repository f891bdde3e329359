/** `sysctl`. */
import { SysctlError, strerror } from "@netfilter-lab/engine";
import type { CommandProcess } from "../command.js";
import type { LabCommand, LabContext } from "../environment.js";
import { everydayPart, withPart } from "../parts.js";
import { lastOption, OptionError, type ParsedOptions, parseOptions } from "./getopt.js";

/** A text with the one mark for the other and the other way round. */
function swapped(text: string, one: string, other: string): string {
  return Array.from(text, (mark) => (mark === one ? other : mark === other ? one : mark)).join("");
}

/** A tunable's name with dots between its parts; whichever of dot and slash comes first in it is the one between them. */
function sysctlKey(written: string): string {
  return /[./]/.exec(written)?.[0] === "/" ? swapped(written, ".", "/") : written;
}

/** The usage, and a status. */
const usage = (stream: LabContext["stdout"], status: number): number | CommandProcess =>
  withPart(everydayPart, ({ sysctlUsage }) => {
    stream.write(sysctlUsage);
    return status;
  });

export const sysctl: LabCommand = (context) => {
  const { stdout, stderr, net } = context;
  let parsed: ParsedOptions;
  try {
    parsed = parseOptions("sysctl", context.args, {
      short: "anNqwePbp::r:hVxod",
      long: {
        all: { key: "a", value: "none" },
        values: { key: "n", value: "none" },
        names: { key: "N", value: "none" },
        quiet: { key: "q", value: "none" },
        write: { key: "w", value: "none" },
        ignore: { key: "e", value: "none" },
        pattern: { key: "r", value: "required" },
        load: { key: "p", value: "optional" },
        system: { key: "system", value: "none" },
        help: { key: "h", value: "none" },
        version: { key: "V", value: "none" },
      },
    });
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    stderr.write(`${error.message}\n`);
    return usage(stdout, 0);
  }
  const has = (key: string): boolean => parsed.options.some((option) => option.key === key);
  const told = parsed.options.find(({ key }) => "hdV".includes(key));
  if (told !== undefined) {
    if (told.key !== "V") return usage(stdout, 0);
    stdout.write("sysctl from procps-ng 4.0.2\n");
    return 0;
  }
  for (const key of ["p", "b", "P", "system"])
    if (has(key)) {
      stderr.write(`sysctl: ${key.length > 1 ? "--" : "-"}${key}: not supported by the lab\n`);
      return 1;
    }
  const show = (name: string, value: string): void => {
    for (const line of value.split("\n"))
      stdout.write(has("N") ? `${name}\n` : has("n") ? `${line}\n` : `${name} = ${line}\n`);
  };
  const pattern = lastOption(parsed.options, (option) => option.key === "r")?.value ?? null;
  if (has("a")) {
    const regex = pattern === null ? null : new RegExp(pattern);
    for (const entry of net.sysctl.list()) if (regex === null || regex.test(entry.name)) show(entry.name, entry.get());
    return 0;
  }
  if (parsed.operands.length === 0) {
    if (parsed.options.length === 0) return usage(stderr, 1);
    stderr.write("sysctl: no variables specified\nTry `sysctl --help' for more information.\n");
    return 1;
  }
  let status = 0;
  const fail = (text: string): void => {
    stderr.write(`sysctl: ${text}\n`);
    status = 1;
  };
  /** What cannot be read adds up. */
  const failToRead = (text: string, failure = 1): void => {
    stderr.write(`sysctl: ${text}\n`);
    status = (status + failure) & 0xff;
  };
  /** The tool sees that a file (or a folder) cannot be written, tells of an error of before, and calls it none. */
  const unwritable = (name: string): void => {
    stderr.write(`sysctl: setting key "${name}": Invalid argument\n`);
  };
  for (const operand of parsed.operands) {
    const equals = operand.indexOf("=");
    const written = (equals < 0 ? operand : operand.slice(0, equals)).trim();
    const name = sysctlKey(written);
    const path = `/proc/sys/${swapped(name, ".", "/")}`;
    if (written === "") {
      if (equals < 0 && !has("w")) failToRead('"" is an unknown key', 255);
      else if (equals >= 0 && operand !== "=") fail("Path is not under /proc/sys/: /proc/sys/");
      else status = 1;
      continue;
    }
    if (equals < 0 && has("w")) {
      // A line of one mark is passed over as an empty one is.
      if (operand.length > 1) fail("command line(0): invalid syntax, continuing...");
      else status = 1;
      continue;
    }
    if (name === ".") {
      failToRead("Path is not under /proc/sys/: /proc/sys//", 255);
      continue;
    }
    const entry = net.sysctl.lookup(name);
    if (entry === undefined) {
      const below = net.sysctl.list().filter((candidate) => candidate.name.startsWith(`${name}.`));
      if (equals < 0 && below.length > 0) for (const candidate of below) show(candidate.name, candidate.get());
      else if (below.length > 0) unwritable(name);
      else if (!has("e")) (equals < 0 ? failToRead : fail)(`cannot stat ${path}: No such file or directory`);
      continue;
    }
    if (equals < 0) {
      show(name, entry.get());
      continue;
    }
    const value = operand.slice(equals + 1).trim();
    if (entry.set === undefined) {
      unwritable(name);
      continue;
    }
    try {
      entry.set(value);
      if (!has("q")) show(name, value);
    } catch (error) {
      if (!(error instanceof SysctlError)) throw error;
      fail(`setting key "${name}": ${strerror(error.errno)}`);
    }
  }
  return status;
};
