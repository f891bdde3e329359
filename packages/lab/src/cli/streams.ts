/// <reference types="node" />
import { writeSync } from "node:fs";
import process from "node:process";

/** The terminal. */
export const output: { print(text: string): void; error(text: string): void; line(text: string): void } = {
  print: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
  /**
   * A line of standard output, all of it written on return, however long it is and whoever reads: a loop that never
   * gives Node a turn cannot leave writing for later.
   */
  line: (text) => {
    const bytes = Buffer.from(`${text}\n`);
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let at = 0; at < bytes.length; ) {
      try {
        at += writeSync(1, bytes, at);
      } catch (error) {
        // A pipe that somebody else made non-blocking is full.
        if ((error as { code?: string }).code !== "EAGAIN") throw error;
        Atomics.wait(pause, 0, 0, 1);
      }
    }
  },
};
