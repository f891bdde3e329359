/** The iptables family against the recorded answers of Debian 12's tools (iptables 1.8.9), on any machine. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { CORPUS } from "../kernel/iptables-corpus.js";
import { type Answer, FLAVOURS, runOurs } from "../kernel/iptables-harness.js";

type Recording = Record<string, Record<string, Answer[]>>;
const recording: Recording = JSON.parse(readFileSync(new URL("iptables-text.json", import.meta.url), "utf8"));

describe.each(FLAVOURS)("iptables (%s) answers as recorded", (flavour) => {
  test.each(CORPUS.map((sequence) => [sequence.name, sequence] as const))("%s", (name, sequence) => {
    expect(runOurs(sequence, flavour)).toEqual(recording[flavour][name]);
  });
});
