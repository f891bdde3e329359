/**
 * `conntrack -R`: command lines from a file, all read before the first is carried out; the first that fails ends it.
 * Models `ct_parse_file()`.
 */
import type { CommandProcess, Wait } from "../../command.js";
import type { LabContext } from "../../environment.js";
import { FileError } from "../../files.js";
import { readAll } from "../../streams.js";
import { carryOut, complain, newSession } from "./conntrack.js";
import { ConntrackUsageError } from "./options.js";
import { type ConntrackCommand, parseCommandLine } from "./parse.js";

/** The commands that a file may have. */
const IN_FILES = "IAUDF";

/** The words of a line; a quote's end ends a word. Models `add_param_to_argv()`. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  let word = "";
  let quoted = false;
  let escaped = false;
  const end = (): void => {
    words.push(word);
    word = "";
  };
  for (const letter of line) {
    if (quoted && (escaped || (letter !== "\\" && letter !== '"'))) {
      word += letter;
      escaped = false;
    } else if (quoted && letter === "\\") escaped = true;
    else if (letter === '"') {
      if (quoted) end();
      quoted = !quoted;
    } else if (letter === " " || letter === "\t") {
      if (word !== "") end();
    } else word += letter;
  }
  if (word !== "") end();
  return words;
}

/** How a complaint names a command. */
function shownCommand({ command, table }: ConntrackCommand): string {
  if (command === null) return "unknown";
  const expect = table === "expect" ? " expect" : "";
  return expect !== "" && command === "I" ? "-C expect" : `-${command}${expect}`;
}

function* text(context: LabContext, file: string): Generator<Wait, string, void> {
  if (file === "-") return yield* readAll(context.stdin);
  try {
    return context.host.files.read(file);
  } catch (error) {
    if (error instanceof FileError) throw new ConntrackUsageError(`Failed to open file ${file} for reading`);
    throw error;
  }
}

/** Carries out the lines of a file (`-`: the standard input). */
export function* loadFile(context: LabContext, file: string): CommandProcess {
  try {
    const commands: ConntrackCommand[] = [];
    for (const line of (yield* text(context, file)).split("\n")) {
      const trimmed = line.replace(/^[ \t]+/, "");
      if (trimmed !== "" && !trimmed.startsWith("#")) commands.push(parseCommandLine(context, wordsOf(trimmed)));
    }
    for (const command of commands) {
      if (command.command === null || command.table === "expect" || !IN_FILES.includes(command.command))
        throw new ConntrackUsageError(`Cannot use command \`${shownCommand(command)}' with --load-file`);
    }
    const last = commands.at(-1);
    if (last === undefined) return 0;
    const session = newSession(context, last.flow);
    for (const command of commands) carryOut(context, command, session);
    return 0;
  } catch (error) {
    return complain(context, error);
  }
}
