/** The same seed gives the same scenarios on every machine, and each says something. */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { makeScenario } from "../referee.js";
import { packetCount } from "../scenario.js";
import { KINDS } from "./index.js";

it.each(KINDS.map((kind) => [kind.name, kind] as const))(
  "%s: repeatable, different by number, with packets",
  (_, kind) => {
    const some = (seed: number): string[] =>
      Array.from({ length: 20 }, (_, index) => JSON.stringify(makeScenario(kind, seed, index)));
    expect(some(7)).toEqual(some(7));
    expect(new Set(some(7)).size).toBe(20);
    expect(some(8)).not.toEqual(some(7));
    expect(packetCount(makeScenario(kind, 7, 0))).toBeGreaterThan(0);
  },
);

it("draws what it always drew", () => {
  const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);
  const all = KINDS.map((kind) => [kind.name, digest(JSON.stringify(makeScenario(kind, 1, 0)))]);
  // One line a kind: a change to one leaves the others' scenarios what they were.
  expect(Object.fromEntries(all)).toMatchInlineSnapshot(`
    {
      "bridge-rules": "29b90179749ff271",
      "bridges": "57d535b300741bae",
      "broken-headers": "3346cee555d59897",
      "bytes": "6d2ba4e61a805127",
      "commands": "bff82a25536f4757",
      "connlimit": "f42a9cc3aa6e07f0",
      "extensions": "5ba3bc1e7a509c74",
      "extensions6": "4a02c138b9134072",
      "fragments": "3486db2ab4976a28",
      "fragments6": "08c1ecdb3e2e9490",
      "gre-udplite": "e4edbc7c9753df9d",
      "helpers": "56e1ca856e98440e",
      "helpers6": "1217a5db02d09ee4",
      "icmp": "5512b204a1cd6a2c",
      "ip-options": "9e139de50d127bd4",
      "ipv6": "bf5b8ffa2c70da74",
      "multipath": "0bf6a775b3867c6e",
      "nat-away": "e1c7cbaeac62da91",
      "nat-local": "a04cfefc33669da0",
      "nat-mix": "d96a8c58fff81bd2",
      "nat-ranges": "dd93a70c8a5cf6d4",
      "nat-reuse": "81d70af63c5b762d",
      "nat66": "65816dfcc4733959",
      "nat66-edges": "42d6e5792aa998de",
      "npt": "f54edb70edabc2ea",
      "port-clashes": "6aa01977dc4da6f2",
      "realms": "c59bdc1754574b01",
      "routing": "1a965cb396f6f43b",
      "routing6": "711b7eab0842ccb3",
      "rulesets": "c0d42e78b6413b18",
      "sctp": "285280aff12ecb1b",
      "sctp-adversarial": "3b14b7fc53a99e8b",
      "sysctls": "7c59cd542f028cfe",
      "tcp-adversarial": "f80f03fdbf22baf2",
      "tcp-legal": "c6d4aedcec2f3eeb",
      "templates": "dd987f1cb37d863f",
      "time": "37bf6056084e444e",
      "tracker-sysctls": "4e9f53d41a39c77b",
      "udp": "68e054d93d6122d7",
      "wrong-commands": "d60b37d2833b1653",
    }
  `);
});
