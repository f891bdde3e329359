/** `sysctl` of procps. */
import { type SysctlEntry, SysctlError, strerror } from "@netfilter-lab/engine";
import type { CommandProcess } from "../command.js";
import type { LabCommand, LabContext } from "../environment.js";
import { everydayPart, withPart } from "../parts.js";
import { lastOption, OptionError, type ParsedOptions, parseOptions } from "./getopt.js";

/** A text with the one mark for the other and the other way round. */
function swapped(text: string, one: string, other: string): string {
  return Array.from(text, (mark) => (mark === one ? other : mark === other ? one : mark)).join("");
}

/**
 * A tunable's name with dots between its parts; whichever of dot and slash comes first in it is the one between them.
 */
export function sysctlKey(written: string): string {
  return /[./]/.exec(written)?.[0] === "/" ? swapped(written, ".", "/") : written;
}

/** The usage, and a status. */
const usage = (stream: LabContext["stdout"], status: number): number | CommandProcess =>
  withPart(everydayPart, ({ sysctlUsage }) => {
    stream.write(sysctlUsage);
    return status;
  });

/** A line that sets a tunable; `value` is null for `-name`, which keeps what a pattern says away from it. */
export interface Setting {
  readonly key: string;
  readonly value: string | null;
}

/** What the options say, and the tunables. */
export class SysctlTool {
  readonly #context: LabContext;
  readonly #options: ReadonlySet<string>;
  /** What `-r` lets through. */
  readonly passes: (name: string) => boolean;
  status = 0;

  constructor(context: LabContext, options: ReadonlySet<string>, passes: (name: string) => boolean) {
    this.#context = context;
    this.#options = options;
    this.passes = passes;
  }

  list(): readonly SysctlEntry[] {
    return this.#context.net.sysctl.list();
  }

  complain(text: string): void {
    this.#context.stderr.write(`sysctl: ${text}\n`);
  }

  fail(text: string): void {
    this.complain(text);
    this.status = 1;
  }

  /** What cannot be read adds up. */
  #failToRead(text: string, failure = 1): void {
    this.complain(text);
    this.status = (this.status + failure) & 0xff;
  }

  /** The tool sees that a file (or a folder) cannot be written, tells of an error of before, and calls it none. */
  #unwritable(name: string): void {
    this.complain(`setting key "${name}": Invalid argument`);
  }

  #below(name: string): readonly SysctlEntry[] {
    return this.list().filter((entry) => entry.name.startsWith(`${name}.`));
  }

  /** Prints a tunable as it is. */
  show({ name, get }: SysctlEntry): void {
    if (!this.passes(name)) return;
    const { stdout } = this.#context;
    const options = this.#options;
    for (const line of get().split("\n"))
      if (options.has("N")) stdout.write(`${name}\n`);
      else if (options.has("b")) stdout.write(line);
      else stdout.write(options.has("n") ? `${line}\n` : `${name} = ${line}\n`);
  }

  /** Prints one tunable, or all below a name. */
  read(written: string): void {
    if (written === "") {
      this.#failToRead('"" is an unknown key', 255);
      return;
    }
    const name = sysctlKey(written);
    if (name === ".") {
      this.#failToRead("Path is not under /proc/sys/: /proc/sys//", 255);
      return;
    }
    const entry = this.#context.net.sysctl.lookup(name);
    const entries = entry === undefined ? this.#below(name) : [entry];
    if (entries.length > 0) for (const one of entries) this.show(one);
    else if (!this.#options.has("e")) this.#failToRead(`cannot stat ${path(name)}: No such file or directory`);
  }

  /**
   * A line `name = value`, read; null for one that sets nothing, of which it may complain. Models parse_setting_line().
   */
  setting(source: string, line: number, text: string): Setting | null {
    const start = text.trimStart();
    if (start.length < 2 || start.startsWith("#") || start.startsWith(";")) return null;
    const equals = start.indexOf("=");
    const marked = start.startsWith("-");
    const key = start.slice(Number(marked), equals < 0 ? undefined : equals).trimEnd();
    if (equals >= 0) return this.passes(sysctlKey(key)) ? { key, value: start.slice(equals + 1).trim() } : null;
    if (marked) return { key, value: null };
    this.complain(`${source}(${line}): invalid syntax, continuing...`);
    return null;
  }

  /** Sets a tunable, and prints what was written. */
  write({ key, value }: Setting): void {
    if (key === "") {
      this.fail("Path is not under /proc/sys/: /proc/sys/");
      return;
    }
    const name = sysctlKey(key);
    const options = this.#options;
    const entry = this.#context.net.sysctl.lookup(name);
    if (entry === undefined) {
      if (this.#below(name).length > 0) this.#unwritable(name);
      else if (!options.has("e")) this.fail(`cannot stat ${path(name)}: No such file or directory`);
      return;
    }
    if (value === null) {
      this.fail(`setting key "${name}": Invalid argument`);
      return;
    }
    if (entry.set === undefined) {
      this.#unwritable(name);
      return;
    }
    try {
      if (!options.has("dry-run")) entry.set(value);
    } catch (error) {
      if (!(error instanceof SysctlError)) throw error;
      this.fail(`setting key "${name}": ${strerror(error.errno)}`);
      return;
    }
    if (options.has("q")) return;
    const { stdout } = this.#context;
    if (options.has("b")) stdout.write(value);
    else stdout.write(options.has("n") || options.has("N") ? `${value}\n` : `${name} = ${value}\n`);
  }
}

/** The file of a tunable. */
const path = (name: string): string => `/proc/sys/${swapped(name, ".", "/")}`;

/** A long option that takes no value, by the short one that it means. */
const none = (key: string): { readonly key: string; readonly value: "none" } => ({ key, value: "none" });

export const sysctl: LabCommand = (context) => {
  const { stdout, stderr } = context;
  let parsed: ParsedOptions;
  try {
    parsed = parseOptions("sysctl", context.args, {
      short: "bneNwfp::qoxaAXr:Vdh",
      long: {
        all: none("a"),
        deprecated: none("x"),
        "dry-run": none("dry-run"),
        binary: none("b"),
        ignore: none("e"),
        names: none("N"),
        values: none("n"),
        load: { key: "p", value: "optional" },
        quiet: none("q"),
        write: none("w"),
        system: none("system"),
        pattern: { key: "r", value: "required" },
        help: none("h"),
        version: none("V"),
      },
    });
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    stderr.write(`${error.message}\n`);
    return usage(stdout, 0);
  }
  const { operands } = parsed;
  // These are obeyed as soon as they are read; what follows them is not.
  const at = parsed.options.findIndex(({ key }) => ["h", "d", "V", "system"].includes(key));
  const read = at < 0 ? parsed.options : parsed.options.slice(0, at);
  const options = new Set(read.map(({ key }) => key));
  const pattern = lastOption(read, ({ key }) => key === "r")?.value ?? null;
  const told = at < 0 ? null : parsed.options[at].key;
  if (told === "V") {
    stdout.write("sysctl from procps-ng 4.0.2\n");
    return 0;
  }
  if (told !== null && told !== "system") return usage(stdout, 0);
  const all = ["a", "A", "X"].some((key) => options.has(key));
  const loads = told === "system" || (!all && (options.has("p") || options.has("f")));
  if (loads || pattern !== null)
    return withPart(everydayPart, ({ sysctlFiles }) => {
      const tool = new SysctlTool(context, options, sysctlFiles.passing(pattern));
      if (told === "system") return sysctlFiles.loadSystem(tool, context);
      if (!loads) return show(tool);
      const named = lastOption(read, ({ key, value }) => key === "p" && value !== null)?.value ?? null;
      return sysctlFiles.load(tool, context, named === null ? operands : [named, ...operands]);
    });
  return show(new SysctlTool(context, options, () => true));

  /** What is asked for on the command line. */
  function show(tool: SysctlTool): number | CommandProcess {
    if (all) {
      for (const entry of tool.list()) tool.show(entry);
      return 0;
    }
    if (operands.length === 0) {
      if (parsed.options.length === 0) return usage(stderr, 1);
      stderr.write("sysctl: no variables specified\nTry `sysctl --help' for more information.\n");
      return 1;
    }
    for (const operand of operands) {
      if (!options.has("w") && !operand.includes("=")) {
        tool.read(operand.trim());
        continue;
      }
      const setting = tool.setting("command line", 0, operand);
      if (setting === null) tool.status = 1;
      else tool.write(setting);
    }
    return tool.status;
  }
};
