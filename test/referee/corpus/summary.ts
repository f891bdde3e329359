/** What the recordings are, in figures: test/results/recordings.json, which the site's page reads. */
import { KNOWN_DIFFERENCES } from "../known-differences.js";
import { packetCount } from "../scenario.js";
import { GROUPS, NOT_YET } from "./index.js";
import { type Heading, type Recorded, readRecording, recordingPath } from "./recording.js";

/** A group's recording in figures. */
export interface GroupSummary extends Heading {
  readonly scenarios: number;
  readonly packets: number;
  /** Names of scenarios that the engine does not answer as Linux does. */
  readonly notYet: readonly string[];
}

/** Everything that is recorded below a folder. */
export function allRecorded(folder: string): Recorded[] {
  return GROUPS.flatMap(({ name }) => readRecording(recordingPath(folder, name))?.recorded ?? []);
}

export function summary(folder: string): GroupSummary[] {
  return GROUPS.flatMap(({ name }) => {
    const recording = readRecording(recordingPath(folder, name));
    if (recording === null) return [];
    const scenarios = recording.recorded.map(({ scenario }) => scenario);
    return {
      ...recording.heading,
      scenarios: scenarios.length,
      packets: scenarios.reduce((sum, scenario) => sum + packetCount(scenario), 0),
      notYet: scenarios.map((each) => each.name).filter((each) => each in NOT_YET),
    };
  });
}

/** The known differences in words: test/results/known-differences.json. */
export function knownDifferences(): { name: string; about: string; reason: string }[] {
  return KNOWN_DIFFERENCES.map(({ name, about, reason }) => ({ name, about, reason }));
}
