/** `sed`: `s`, `d` and `p` with one address; another command says so by name. */
import type { LabCommand } from "../../environment.js";
import { parseOptions } from "../getopt.js";
import { basicToExtended, translateExtended } from "../regex.js";
import { has, inputs, linesOf, withUsage } from "./tool.js";

interface SedCommand {
  readonly address: { readonly line: number | "$" } | { readonly regex: RegExp } | null;
  readonly action:
    | {
        readonly kind: "s";
        readonly regex: RegExp;
        readonly replacement: string;
        readonly global: boolean;
        readonly print: boolean;
      }
    | { readonly kind: "d" }
    | { readonly kind: "p" };
}

class SedError extends Error {}

function parseSed(script: string, extended: boolean): SedCommand[] {
  const commands: SedCommand[] = [];
  let rest = script.trim();
  const compile = (pattern: string, flags: string): RegExp => {
    try {
      return new RegExp(translateExtended(extended ? pattern : basicToExtended(pattern)), flags);
    } catch {
      throw new SedError("invalid regular expression");
    }
  };
  while (rest !== "") {
    let address: SedCommand["address"] = null;
    const addressMatch = /^(?:(\d+)|(\$)|\/((?:[^/\\]|\\.)*)\/)\s*/.exec(rest);
    if (addressMatch !== null) {
      rest = rest.slice(addressMatch[0].length);
      if (addressMatch[1] !== undefined) address = { line: Number(addressMatch[1]) };
      else if (addressMatch[2] !== undefined) address = { line: "$" };
      else address = { regex: compile(addressMatch[3].replaceAll("\\/", "/"), "") };
    }
    const letter = rest[0];
    if (letter === "d" || letter === "p") {
      commands.push({ address, action: { kind: letter } });
      rest = rest.slice(1);
    } else if (letter === "s") {
      const delimiter = rest[1] ?? "/";
      const parts: string[] = [];
      let at = 2;
      let part = "";
      while (at < rest.length && parts.length < 2) {
        if (rest[at] === "\\" && at + 1 < rest.length) {
          part += rest[at + 1] === delimiter ? delimiter : rest.slice(at, at + 2);
          at += 2;
        } else if (rest[at] === delimiter) {
          parts.push(part);
          part = "";
          at++;
        } else part += rest[at++];
      }
      if (parts.length < 2) throw new SedError("unterminated `s' command");
      const flags = /^[gpiI]*/.exec(rest.slice(at))?.[0] ?? "";
      rest = rest.slice(at + flags.length);
      const regex = compile(parts[0], `${flags.includes("g") ? "g" : ""}${/i/i.test(flags) ? "i" : ""}`);
      commands.push({
        address,
        action: { kind: "s", regex, replacement: parts[1], global: flags.includes("g"), print: flags.includes("p") },
      });
    } else if (letter === undefined) throw new SedError("missing command");
    else throw new SedError(`\`${letter}': only s, d and p are supported by the lab`);
    const separator = /^\s*(?:[;\n]\s*)?/.exec(rest)?.[0] ?? "";
    if (separator === "" && rest !== "") throw new SedError("extra characters after command");
    rest = rest.slice(separator.length);
  }
  return commands;
}

export const sed: LabCommand = withUsage(1, function* (context) {
  const parsed = parseOptions("sed", context.args, {
    short: "nrEe:",
    long: { quiet: { key: "n", value: "none" }, "regexp-extended": { key: "E", value: "none" } },
  });
  const operands = [...parsed.operands];
  const scripts = parsed.options.filter((option) => option.key === "e").map((option) => option.value ?? "");
  if (scripts.length === 0) {
    const first = operands.shift();
    if (first === undefined) {
      context.stderr.write("Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...\n");
      return 1;
    }
    scripts.push(first);
  }
  let program: SedCommand[];
  try {
    program = scripts.flatMap((script) => parseSed(script, has(parsed, "E") || has(parsed, "r")));
  } catch (error) {
    if (!(error instanceof SedError)) throw error;
    context.stderr.write(`sed: -e expression #1, char ${scripts[0].length}: ${error.message}\n`);
    return 1;
  }
  let status = 0;
  const found = yield* inputs(context, operands, (message) => {
    context.stderr.write(`${message.replace(/: ([^:]+): (.*)$/, ": can't read $1: $2")}\n`);
    status = 2;
  });
  const lines = found.flatMap(({ text }) => linesOf(text));
  lines.forEach((original, index) => {
    let line = original;
    for (const { address, action } of program) {
      if (address !== null) {
        if (
          "regex" in address
            ? !address.regex.test(line)
            : address.line !== (address.line === "$" ? (index === lines.length - 1 ? "$" : "") : index + 1)
        )
          continue;
      }
      if (action.kind === "d") return;
      if (action.kind === "p") context.stdout.write(`${line}\n`);
      else {
        const before = line;
        line = line.replace(action.regex, (...match: unknown[]) => {
          const groups = match.slice(
            0,
            match.findIndex((item) => typeof item === "number"),
          ) as (string | undefined)[];
          return action.replacement.replace(/\\(\d)|\\(.)|&/g, (token, group, letter) => {
            if (token === "&") return groups[0] ?? "";
            if (group !== undefined) return groups[Number(group)] ?? "";
            return letter === "n" ? "\n" : letter === "t" ? "\t" : letter;
          });
        });
        if (action.print && before !== line) context.stdout.write(`${line}\n`);
      }
    }
    if (!has(parsed, "n")) context.stdout.write(`${line}\n`);
  });
  return status;
});
