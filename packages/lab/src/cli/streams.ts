/// <reference types="node" />
import process from "node:process";

/** The terminal. */
export const output: { print(text: string): void; error(text: string): void } = {
  print: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
};
