/**
 * For a page that runs cells: loads parts of the program before a cell runs that seems to need them. A command that was
 * begun (`host.start`) has then printed its first words when the cell's next statement looks.
 */
import { namesUnknownExtension } from "@netfilter-lab/engine";
import { commandNames } from "./commands/index.js";
import { drawingsPart, everydayPart, rarePart } from "./parts.js";

/** Loads the parts whose commands or extensions a cell names. */
export async function prepareFor(source: string): Promise<void> {
  // What a cell says to a shell stands in a text, and a command where one begins.
  const texts = source.match(/`[^`]*`|"[^"\n]*"|'[^'\n]*'/g)?.join("\n") ?? "";
  const begins = texts.matchAll(/(?:^["'`]?|[|;&({])\s*(?:(?:sudo|exec|do|then|else|timeout \S+) )?([\w-]+)/gm);
  const words = new Set([...begins].map(([, word]) => word));
  const isNamed = (names: readonly string[]): boolean => names.some((name) => words.has(name));
  const usesTables = [...words].some((word) => /^ip6?tables/.test(word));
  await Promise.all([
    isNamed(commandNames.everyday) ? everydayPart.load() : null,
    isNamed(commandNames.rare) || (usesTables && namesUnknownExtension(texts)) ? rarePart.load() : null,
  ]);
}

/** Loads everything. */
export async function prepareAll(): Promise<void> {
  await Promise.all([everydayPart.load(), drawingsPart.load(), rarePart.load()]);
}
