/**
 * The recordings are still what this machine's Linux answers: every scenario of test/recordings again, in its own
 * namespace. Needs root and the built packages. `npm run record` writes what has changed.
 */
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { GROUPS, NOT_YET } from "../referee/corpus/index.js";
import { readRecording, recordingPath, undrawn } from "../referee/corpus/recording.js";
import { refresh } from "../referee/corpus/refresh.js";
import { FrontDoor } from "../referee/front-door.js";
import { Pool } from "../referee/pool.js";

const RECORDINGS = fileURLToPath(new URL("../recordings", import.meta.url));
const program = fileURLToPath(new URL("../../packages/lab/bin/netfilter-lab.mjs", import.meta.url));
const door = (backend: string): FrontDoor => new FrontDoor(["node", program, "scenario", "--backend", backend]);

// Scenarios that wait hold up no others.
const kernels = [door("linux"), door("linux")];
const linux = new Pool(kernels);
const engine = door("engine");
afterAll(() => Promise.all([...kernels, engine].map((each) => each.close())));

test.each(GROUPS.map(({ name }) => name))(
  "%s",
  async (name) => {
    const recorded = readRecording(recordingPath(RECORDINGS, name))?.recorded ?? [];
    expect(recorded.length).toBeGreaterThan(0);
    const scenarios = recorded.map(({ scenario }) => undrawn(scenario));
    const answers = await refresh(engine, linux, scenarios, recorded);
    const changed = answers.filter(
      ({ name: scenario, change, difference }) => change !== "same" || (difference !== null && !(scenario in NOT_YET)),
    );
    expect(changed).toEqual([]);
  },
  300_000,
);
