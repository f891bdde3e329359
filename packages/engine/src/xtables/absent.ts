/**
 * Extensions that the tool has and today's kernels, or the one this engine is compared with, have not: their options
 * are read as the tool reads them, and then every rule with them is refused as the kernel refuses it.
 */
import { type MatchExtension, type TargetExtension, XT_CONTINUE } from "./extension.js";

type Words<E> = Omit<E, "kind" | "build" | "notInKernel">;

/** A match that never comes into a ruleset. */
export function absentMatch(words: Words<MatchExtension>): MatchExtension {
  const { name } = words;
  return {
    ...words,
    kind: "match",
    notInKernel: true,
    build: () => ({ name, match: () => false, save: () => "", print: () => "" }),
  };
}

/** A target that never comes into a ruleset. */
export function absentTarget(words: Words<TargetExtension>): TargetExtension {
  const { name } = words;
  return {
    ...words,
    kind: "target",
    notInKernel: true,
    build: () => ({ name, target: () => XT_CONTINUE, save: () => "", print: () => "" }),
  };
}
