/** The tracker and NAT give, packet by packet, what Linux 6.18 gave: bytes, verdicts, events, and the table left. */
import { describe, expect, it } from "vitest";
import { NF_NAT_RANGE_PERSISTENT } from "../../packages/engine/src/nat/nat.js";
import { differences } from "./compare.js";
import { Gateway, range } from "./gateway.js";
import { readAnswers } from "./kernel.js";
import { POOLS, poolScenarios, RECORDED } from "./scenarios.js";

describe("recorded answers of the kernel", () => {
  it.each(Object.keys(RECORDED))("%s", (name) => {
    const gateway = new Gateway();
    gateway.inputDrops = true;
    gateway.snat(range("198.51.100.1"));
    const scenarios = RECORDED[name]();
    expect(scenarios.length).toBeGreaterThanOrEqual(100);
    expect(differences(gateway, scenarios, readAnswers(name))).toEqual([]);
  });

  it.each(POOLS)("nat-pool $name", ({ name, min, max, persistent }) => {
    const gateway = new Gateway();
    gateway.snat(range(min, max, undefined, persistent ? NF_NAT_RANGE_PERSISTENT : 0));
    expect(differences(gateway, poolScenarios(5, 60), readAnswers(`nat-pool-${name}`))).toEqual([]);
  });
});
