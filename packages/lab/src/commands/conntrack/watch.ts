/** `conntrack -E` of either table: prints lines as they come, until it is ended, and then how many they were. */
import type { CommandProcess } from "../../command.js";
import type { LabContext } from "../../environment.js";
import { Flag } from "../../scheduler.js";

/** What is printed. */
export interface Watched {
  /** What stands around the lines, as XML; null for none. */
  readonly frame: readonly [head: string, tail: string] | null;
  /** Begins to tell lines; returns what ends it. */
  subscribe(tell: (line: string) => void): () => void;
  /** The last line, on standard error. */
  summary(shown: number): string;
}

export function* watch(context: LabContext, watched: Watched): CommandProcess {
  const { stdout, stderr } = context;
  const { frame } = watched;
  let shown = 0;
  const lines: string[] = [];
  const arrived = new Flag();
  const unsubscribe = watched.subscribe((line) => {
    lines.push(frame !== null && shown + lines.length === 0 ? `${frame[0]}${line}` : line);
    arrived.set();
  });
  const print = (): boolean => {
    while (lines.length > 0) {
      shown++;
      if (!stdout.write(`${lines.shift()}\n`)) return false;
    }
    arrived.clear();
    return true;
  };
  try {
    while (print()) yield arrived.wait;
    return 1;
  } finally {
    unsubscribe();
    // Nobody handles a broken pipe: the tool is gone before it can sum up.
    if (context.signal() !== "SIGPIPE" && context.signal() !== "SIGKILL") {
      print();
      if (frame !== null && shown > 0) stdout.write(frame[1]);
      if (context.signal() !== null) context.catches(0);
      stderr.write(`${watched.summary(shown)}\n`);
    }
  }
}
