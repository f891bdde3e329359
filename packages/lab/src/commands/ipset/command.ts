/**
 * `ipset` as it is called: one line, the lines of `ipset restore`, or those of `ipset -`, which asks for each. Lists go
 * to the standard output or to `-file`. What `restore` reads is carried out line by line; the real tool hands the
 * kernel several at once, and loses those in front of a `quit`.
 */
import { SetError } from "@netfilter-lab/engine/parts";
import type { CommandProcess } from "../../command.js";
import type { FileCommand, FileContext } from "../../environment.js";
import { FileError } from "../../files.js";
import { readAll } from "../../streams.js";
import { HINT, IpsetFailure, OutputFailure, VERSION } from "./failure.js";
import { ERRORS, Ipset, type LineResult, type Mode } from "./ipset.js";

const PROMPT = "ipset> ";
/** What the tool exits with where it cannot read its file. */
const STATUS_NO_FILE = 255;

/** The words of a line of `ipset restore`; double quotes hold a comment together. */
function splitLine(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|([^\s"]+)/g)].map(([, quoted, plain]) => plain ?? quoted);
}

function failureText(error: unknown, line: number | null): { readonly text: string; readonly status: number } {
  const message = error instanceof SetError ? ERRORS[error.errno] : (error as Error).message;
  const status = error instanceof IpsetFailure ? error.status : 1;
  const where = line === null || status === 2 ? "" : `Error in line ${line}: `;
  const hint = status === 2 ? HINT : "";
  return { text: `${VERSION}: ${where}${message}\n${hint}`, status };
}

class Session {
  readonly #context: FileContext;
  readonly #tool: Ipset;

  constructor(context: FileContext) {
    this.#context = context;
    this.#tool = new Ipset(context.net, context.host.files);
  }

  run(): number | CommandProcess {
    const result = this.#attempt(this.#context.args, "command", null);
    if (result === "restore") return this.#restore();
    if (result === "interactive") return this.#interactive();
    return result === "quit" ? 0 : result;
  }

  *#restore(): CommandProcess {
    const { file } = this.#tool;
    const text = file === null ? yield* readAll(this.#context.stdin) : this.#read(file);
    if (text === null) return STATUS_NO_FILE;
    const lines = text.split("\n");
    for (let number = 1; number <= lines.length; number++) {
      const words = splitLine(lines[number - 1]);
      if (words.length === 0 || words[0].startsWith("#") || words[0] === "COMMIT") continue;
      const result = this.#attempt(words, "restore", number);
      if (result === "interactive" && file === null) return this.#converse(lines.slice(number));
      if (result !== 0) return typeof result === "number" ? result : 0;
    }
    return 0;
  }

  #read(file: string): string | null {
    try {
      return this.#context.host.files.read(file);
    } catch (error) {
      if (error instanceof FileError) return null;
      throw error;
    }
  }

  *#interactive(): CommandProcess {
    return this.#converse((yield* readAll(this.#context.stdin)).split("\n"));
  }

  /** Asks for line after line; a wrong one ends nothing. Models `ipset_interactive()`. */
  #converse(lines: readonly string[]): number {
    const { stdout } = this.#context;
    // What stands behind the last end of line is a line where there is something.
    for (const line of lines.at(-1) === "" ? lines.slice(0, -1) : lines) {
      stdout.write(PROMPT);
      const words = splitLine(line);
      if (words.length === 0 || words[0].startsWith("#")) {
        stdout.write(PROMPT);
        continue;
      }
      if (this.#attempt(words, "interactive", null) === "quit") return 0;
    }
    stdout.write(PROMPT);
    return 0;
  }

  /** Runs one line and says what it says; the status of a failure. */
  #attempt(words: readonly string[], mode: Mode, line: number | null): LineResult {
    const tool = this.#tool;
    let result: LineResult;
    try {
      result = tool.line(words, mode);
    } catch (error) {
      if (!(error instanceof IpsetFailure) && !(error instanceof SetError)) throw error;
      const { text, status } = failureText(error, line);
      if (!tool.quiet || mode === "interactive" || error instanceof OutputFailure) tool.err += text;
      result = status;
    }
    const { out, err } = tool;
    tool.out = "";
    tool.err = "";
    if (err !== "") this.#context.stderr.write(err);
    if (out !== "") this.#context.stdout.write(out);
    return result;
  }
}

export const ipset: FileCommand = (context) => new Session(context).run();
