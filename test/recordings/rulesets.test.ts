/** Rulesets of real programs against the recorded answers of Debian 12's tools (iptables 1.8.9), on any machine. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FLAVOURS, runOurs } from "../kernel/iptables-harness.js";
import {
  answersOf,
  RULESETS,
  type RulesetRecording,
  recordedAnswers,
  rulesetSequence,
  tablesOf,
} from "../kernel/rulesets.js";

const recording: RulesetRecording = JSON.parse(readFileSync(new URL("rulesets.json", import.meta.url), "utf8"));

describe.each(RULESETS.map((each) => [each.name, each] as const))("%s", (name, ruleset) => {
  const sequence = rulesetSequence(ruleset);

  test.each(FLAVOURS)("is loaded, saved and listed as recorded (%s)", (flavour) => {
    const ours = answersOf(sequence, runOurs(sequence, flavour));
    expect(ours).toEqual(recordedAnswers(recording, name, flavour));
  });

  test.each(FLAVOURS)("is what the program left in the tables (%s)", (flavour) => {
    const saved = recordedAnswers(recording, name, flavour)[`${ruleset.tool}-save`].stdout;
    expect(tablesOf(saved)).toEqual(tablesOf(ruleset.text));
  });
});
