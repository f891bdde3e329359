/**
 * Rulesets of test/rulesets, which programs left in the tables or which stand for those they leave: each is loaded,
 * saved again and listed in every table that it has.
 */
import { readdirSync, readFileSync } from "node:fs";
import type { Answer, Flavour, Sequence, Step } from "./iptables-harness.js";

const FOLDER = new URL("../rulesets/", import.meta.url);

/** One family's rules of one program: `docker.v4`. */
export interface Ruleset {
  readonly name: string;
  /** `iptables` or `ip6tables`. */
  readonly tool: string;
  /** As iptables-save printed it, without dates. */
  readonly text: string;
  /** `ipset save`'s output; null where the program made none. */
  readonly sets: string | null;
}

const file = (name: string): string => readFileSync(new URL(name, FOLDER), "utf8");

export const RULESETS: readonly Ruleset[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".rules"))
  .sort()
  .map((rules) => {
    const name = rules.slice(0, -".rules".length);
    const [program, family] = name.split(".");
    const sets = readdirSync(FOLDER).includes(`${program}.sets`) ? file(`${program}.sets`) : null;
    return { name, tool: family === "v4" ? "iptables" : "ip6tables", text: file(rules), sets };
  });

/** Loads, saves and lists; the answers are as many as {@link answersOf} has names for. */
export function rulesetSequence({ name, tool, text, sets }: Ruleset): Sequence {
  const tables = [...text.matchAll(/^\*(\w+)$/gm)].map((match) => match[1]);
  const step = (line: string, stdin?: string): Step => {
    const words = line.split(" ");
    return stdin === undefined ? { words } : { words, stdin };
  };
  return {
    name,
    steps: [
      ...(sets === null ? [] : [step("ipset restore", sets)]),
      step(`${tool}-restore --test`, text),
      step(`${tool}-restore`, text),
      step(`${tool}-save`),
      ...tables.flatMap((table) => [
        step(`${tool} -t ${table} -S`),
        step(`${tool} -t ${table} -L -v -n --line-numbers`),
        step(`${tool} -t ${table} -L`),
      ]),
    ],
  };
}

/** Answers by their commands. */
export function answersOf(sequence: Sequence, answers: readonly Answer[]): Answers {
  return Object.fromEntries(sequence.steps.map(({ words }, index) => [words.join(" "), answers[index]]));
}

/** What iptables-save prints of a ruleset, with the header of its flavour and the order of tables left out. */
export function tablesOf(saved: string): readonly string[] {
  return saved
    .replace(/^#.*\n/gm, "")
    .split(/(?<=^COMMIT\n)/m)
    .sort();
}

/** Answers by their commands. */
export type Answers = Readonly<Record<string, Answer>>;

/** What each ruleset's commands answered; what both flavours say is written once, as nft's. */
export type RulesetRecording = Readonly<Record<string, { readonly nft: Answers; readonly legacy: Answers }>>;

/** The legacy tool's answers that are not the nft tool's. */
export function otherwise(nft: Answers, legacy: Answers): Answers {
  const same = (command: string): boolean => JSON.stringify(nft[command]) === JSON.stringify(legacy[command]);
  return Object.fromEntries(Object.entries(legacy).filter(([command]) => !same(command)));
}

/** A flavour's answers out of a recording. */
export function recordedAnswers(recording: RulesetRecording, name: string, flavour: Flavour): Answers {
  const { nft, legacy } = recording[name];
  return flavour === "nft" ? nft : { ...nft, ...legacy };
}
