/** What a run counts, told by backends that answer as they are told to. */
import { expect, it } from "vitest";
import type { Kind } from "./kinds/router.js";
import { type Finding, type RefereeOptions, referee, type Tally } from "./referee.js";
import type { Answer, Backend, Outcome, Scenario } from "./scenario.js";

/** One packet, and a command that lists. */
const KIND: Kind = {
  name: "plain",
  about: "one packet",
  make: (choice) => ({
    devices: { lan0: ["192.168.1.1/24"] },
    setup: ["iptables -A INPUT -m foo"],
    steps: [{ in: "lan0", hex: "00" }, { run: `list ${choice.u32()}` }],
  }),
};

const OUTCOMES: readonly Outcome[] = [
  { out: [], events: [] },
  { stdout: "", stderr: "", status: 0 },
];

function backend(answer: (scenario: Scenario, asked: number) => Answer): Backend {
  const asked = new Map<string, number>();
  return {
    ask(scenario) {
      const before = asked.get(scenario.name) ?? 0;
      asked.set(scenario.name, before + 1);
      return Promise.resolve(answer(scenario, before));
    },
  };
}

async function run(linux: Backend, options: Partial<RefereeOptions> = {}): Promise<[Tally, Finding[]]> {
  const findings: Finding[] = [];
  const found = (finding: Finding): void => {
    findings.push(finding);
  };
  const engine = backend(() => ({ steps: OUTCOMES }));
  return [await referee(KIND, { engine, linux, seed: 1, packets: 16, minimised: 0, found, ...options }), findings];
}

const lacks = (text: string): Answer => ({ error: `setup[0]: exit status 2: ${text}` });

it("agreeing answers agree", async () => {
  const [tally, findings] = await run(backend(() => ({ steps: OUTCOMES })));
  expect(tally).toEqual({
    packets: 16,
    scenarios: 16,
    agreeing: 16,
    disagreeing: 0,
    unrepeated: 0,
    notComparable: 0,
  });
  expect(findings).toEqual([]);
});

it.each([
  ["an extension", lacks("Warning: Extension foo revision 0 not supported, missing kernel module?")],
  [
    "a table",
    lacks(
      "iptables v1.8.9 (legacy): can't initialize iptables table `nat': Table does not exist (do you need to insmod?)",
    ),
  ],
  ["nf_tables", lacks("iptables: Could not fetch rule set generation id: Invalid argument")],
  ["a tunable", { error: 'sysctl["net.x"]: this kernel has no net.x' }],
  [
    "what a step needs",
    {
      steps: [
        OUTCOMES[0],
        {
          stdout: "",
          stderr: "conntrack v1.4.7 (conntrack-tools): Operation failed: Protocol not supported\n",
          status: 1,
        },
      ],
    },
  ],
] satisfies [string, Answer][])(
  "a kernel without %s: not comparable, and no agreement is claimed",
  async (_, answer) => {
    const [tally, findings] = await run(backend(() => answer));
    expect(tally).toMatchObject({ packets: 0, agreeing: 0, disagreeing: 0, unrepeated: 0 });
    expect(tally.notComparable).toBe(tally.scenarios);
    expect(tally.scenarios).toBeGreaterThan(0);
    expect(findings).toEqual([]);
  },
);

it("where only some lack something, the others are compared", async () => {
  const some = ({ name }: Scenario): boolean => Number(/\d+$/.exec(name)) % 4 === 0;
  const answer = lacks("missing kernel module?");
  const [tally] = await run(backend((scenario) => (some(scenario) ? answer : { steps: OUTCOMES })));
  expect(tally).toMatchObject({ packets: 12, scenarios: 16, agreeing: 12, notComparable: 4 });
});

it("another refusal disagrees", async () => {
  const [tally, findings] = await run(
    backend(() => lacks("RULE_APPEND failed (Invalid argument): rule in chain INPUT")),
  );
  expect(tally).toMatchObject({ agreeing: 0, disagreeing: 16, notComparable: 0 });
  expect(findings.map(({ name }) => name)).toContain("plain seed 1 number 15");
});

it("what does not come again is told apart", async () => {
  const [tally, findings] = await run(
    backend((_, asked) => (asked === 0 ? lacks("No such file") : { steps: OUTCOMES })),
  );
  expect(tally).toMatchObject({ agreeing: 0, disagreeing: 0, unrepeated: 16 });
  expect(findings).toEqual([]);
});
