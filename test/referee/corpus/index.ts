/** All groups of recorded scenarios. */
import { KINDS } from "../kinds/index.js";
import { makeScenario } from "../referee.js";
import { ADDRESSES } from "./addresses.js";
import { BRIDGES } from "./bridges.js";
import { EXPECTATIONS } from "./expectations.js";
import type { Group } from "./group.js";
import { HELPED } from "./helpers.js";
import { PACKETS_6 } from "./ipv6.js";
import { NAT, NAT_POOLS } from "./nat.js";
import { NAT_EDGES } from "./nat-edges.js";
import { TOOL_OPTIONS } from "./options.js";
import { REDIRECTS } from "./redirects.js";
import { ROUTERS } from "./routers.js";
import { ROUTES } from "./routes.js";
import { RULESETS } from "./rulesets.js";
import { SIP } from "./sip.js";
import { TCP_TRANSITIONS } from "./tcp-transitions.js";
import { TRACE } from "./trace.js";
import { TRAPS } from "./traps.js";
import { TUNABLES } from "./tunables.js";

/** Of each of the referee's kinds so many. */
const OF_EACH_KIND = 10;

/** Of each scenario so much at most: the referee's own are long, and files are read by people. */
const STEPS_AT_MOST = 16;

/** A seed of its own: runs of the referee begin with others. */
const SEED = 618;

const GENERATORS: Group = {
  name: "generators",
  about: "some of each kind of scenario that the referee makes",
  scenarios: () =>
    KINDS.flatMap((kind) =>
      Array.from({ length: OF_EACH_KIND }, (_, index) => {
        const scenario = makeScenario(kind, SEED, index);
        return { ...scenario, steps: scenario.steps.slice(0, STEPS_AT_MOST) };
      }),
    ),
};

export const GROUPS: readonly Group[] = [
  TRAPS,
  TCP_TRANSITIONS,
  NAT,
  NAT_POOLS,
  NAT_EDGES,
  ROUTERS,
  RULESETS,
  TRACE,
  HELPED,
  SIP,
  EXPECTATIONS,
  TUNABLES,
  PACKETS_6,
  REDIRECTS,
  BRIDGES,
  ROUTES,
  ADDRESSES,
  TOOL_OPTIONS,
  GENERATORS,
];

/**
 * Scenarios that the engine does not answer as Linux does, by name, each with what it has not: the page of known
 * differences tells readers of it, and a test says when it is no longer so.
 */
export const NOT_YET: Readonly<Record<string, string>> = {};
