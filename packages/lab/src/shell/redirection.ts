/** Where a command reads and writes: files, here-documents, other streams. */
import type { Reader, Writer } from "../command.js";
import { type Streams, WriteError } from "../environment.js";
import { FileError, type FileSystem } from "../files.js";
import { NULL_WRITER, TextReader } from "../streams.js";
import type { ShellProcess } from "./control.js";
import { expandToText, type Values } from "./expansion.js";
import type { Redirection } from "./script.js";

/** A redirection that failed; its message was printed. */
export class RedirectionFailed extends Error {}

/** The streams behind redirections. Throws {@link RedirectionFailed}. */
export function* redirect(
  redirections: readonly Redirection[],
  streams: Streams,
  files: FileSystem,
  values: Values,
): ShellProcess<Streams> {
  let { stdin, stdout, stderr } = streams;
  for (const redirection of redirections) {
    const { fd, kind } = redirection;
    let reader: Reader | null = null;
    let writer: Writer | null = null;
    if (kind === "here") reader = new TextReader(yield* expandToText(redirection.target, values));
    else if (kind === "<<<") reader = new TextReader(`${yield* expandToText(redirection.target, values)}\n`);
    else {
      const target = yield* expandToText(redirection.target, values);
      if (kind === "dup") {
        if (target === "1") writer = stdout;
        else if (target === "2") writer = stderr;
        else if (target === "0" && fd === 0) reader = stdin;
        else if (target === "-") {
          writer = NULL_WRITER;
          reader = new TextReader("");
        } else {
          stderr.write(`bash: ${target}: Bad file descriptor\n`);
          throw new RedirectionFailed();
        }
      } else if (kind === "<") {
        const part = files.partOf(target);
        if (part?.isToCome === true) yield* part.arrival();
        reader = openForReading(files, target, stderr);
      } else writer = openForWriting(files, target, kind === ">>", stderr);
    }
    if (fd === 0) stdin = reader ?? stdin;
    else if (writer !== null && fd === 1) stdout = writer;
    else if (writer !== null) stderr = writer;
  }
  return { stdin, stdout, stderr };
}

function openForReading(files: FileSystem, path: string, stderr: Writer): Reader {
  try {
    return new TextReader(files.read(path));
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    stderr.write(`bash: ${path}: ${error.message}\n`);
    throw new RedirectionFailed();
  }
}

function openForWriting(files: FileSystem, path: string, append: boolean, stderr: Writer): Writer {
  try {
    files.open(path, append);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    stderr.write(`bash: ${path}: ${error.message}\n`);
    throw new RedirectionFailed();
  }
  return {
    write: (text) => {
      try {
        files.write(path, text);
      } catch (error) {
        if (error instanceof FileError) throw new WriteError(error.message);
        throw error;
      }
      return true;
    },
  };
}
