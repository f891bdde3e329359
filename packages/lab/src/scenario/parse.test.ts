import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { EngineRunner } from "./engine-runner.js";
import { parseScenario } from "./parse.js";
import { answerLine } from "./stream.js";

const schema = (file: string): object =>
  JSON.parse(readFileSync(new URL(`../../schema/${file}`, import.meta.url), "utf8")) as object;
const ajv = new Ajv.default({ strict: true, strictRequired: false, allowUnionTypes: true });
const scenarioSchema = ajv.compile(schema("scenario-v1.schema.json"));
const resultSchema = ajv.compile(schema("scenario-result-v1.schema.json"));

const BASE = { version: 1, name: "x", devices: { lan0: ["192.168.1.1/24"], wan0: ["198.51.100.1/24"] } };

describe("good", () => {
  test.each<[string, object]>([
    ["nothing but devices", {}],
    ["no device", { devices: {} }],
    ["a device without address", { devices: { tun0: [] } }],
    ["two addresses, names with dots", { devices: { "a.b-c_9": ["10.0.0.1/8", "10.0.0.2/32"] } }],
    ["31 and 32 bits", { devices: { a: ["10.0.0.0/31"], b: ["10.0.0.0/32"] } }],
    ["a tunable with slashes", { sysctl: { "net/ipv4/ip_forward": "1" } }],
    ["every kind of step", { steps: [{ in: "lan0", hex: "45" }, { sleep: "1.5ms" }, { run: "true" }] }],
    ["capital digits", { steps: [{ in: "lan0", hex: "4fAb" }] }],
    ["the longest packet", { steps: [{ in: "wan0", hex: "45".repeat(65535) }] }],
    ["commands", { setup: ["true"], finally: ["true", " false "] }],
    ["pins", { random: [0, 65535] }],
    ["empty lists", { setup: [], steps: [], finally: [], random: [], sysctl: {} }],
  ])("%s", (_, change) => {
    const scenario = { ...BASE, ...change };
    expect(parseScenario(JSON.stringify(scenario))).toEqual(scenario);
    expect(scenarioSchema(scenario)).toBe(true);
  });
});

/** What the schema cannot say: `false`. */
describe("bad", () => {
  test.each<[unknown, string, boolean?]>([
    [[], "[] is not an object"],
    [null, "null is not an object"],
    [5, "5 is not an object"],
    [{ name: "x", devices: {} }, "version: is missing (1)"],
    [{ ...BASE, version: 2 }, "version: 2 is not 1"],
    [{ ...BASE, version: "1" }, 'version: "1" is not 1'],
    [{ version: 1, devices: {} }, "name: is missing"],
    [{ ...BASE, name: 7 }, "name: 7 is not a text"],
    [{ ...BASE, step: [] }, "step: there is no such field (version, name, devices,"],
    [{ ...BASE, "a b": [] }, '["a b"]: there is no such field'],
    [{ version: 1, name: "x" }, "devices: is missing"],
    [{ ...BASE, devices: ["lan0"] }, 'devices: ["lan0"] is not an object'],
    [{ ...BASE, devices: { lan0: "10.0.0.1/8" } }, 'devices.lan0: "10.0.0.1/8" is not a list'],
    [{ ...BASE, devices: { lan0: [5] } }, "devices.lan0: [5] is not an address with prefix length"],
    [{ ...BASE, devices: { lan0: ["10.0.0.1"] } }, 'devices.lan0: "10.0.0.1" has no prefix length'],
    [{ ...BASE, devices: { lan0: ["fd00::1"] } }, 'devices.lan0: "fd00::1" has no prefix length'],
    [{ ...BASE, devices: { lan0: ["fd00::1/129"] } }, 'devices.lan0: "fd00::1/129" is not an address', false],
    [{ ...BASE, devices: { lan0: ["ff02::1/64"] } }, 'devices.lan0: "ff02::1/64" cannot be a host', false],
    [{ ...BASE, devices: { lan0: ["10.0.0.256/8"] } }, "devices.lan0:", false],
    [{ ...BASE, devices: { lan0: ["10.0.0.1/33"] } }, "devices.lan0:", false],
    [{ ...BASE, devices: { lan0: ["10.0.0.0/8"] } }, "is the network's own address", false],
    [{ ...BASE, devices: { lan0: ["224.0.0.1/8"] } }, "cannot be a host's address", false],
    [{ ...BASE, devices: { lan0: ["10.0.0.1/8", "10.0.0.1/8"] } }, "devices.lan0[1]:"],
    [{ ...BASE, devices: { lo: [] } }, "devices.lo: every host has its loopback already"],
    [{ ...BASE, devices: { all: [] } }, "devices.all: a device's name has at most 15"],
    [{ ...BASE, devices: { "a-name-of-16-chr": [] } }, 'devices["a-name-of-16-chr"]: a device\'s name'],
    [{ ...BASE, devices: { "../x": [] } }, 'devices["../x"]: a device\'s name'],
    [{ ...BASE, devices: { "": [] } }, 'devices[""]: a device\'s name'],
    [{ ...BASE, sysctl: [] }, "sysctl: [] is not an object"],
    [{ ...BASE, sysctl: { "net.ipv4.ip_forward": 1 } }, 'sysctl["net.ipv4.ip_forward"]: 1 is not a text (write "1")'],
    [{ ...BASE, sysctl: { "kernel.panic": "1" } }, 'sysctl["kernel.panic"]: is not the name of a network namespace'],
    [{ ...BASE, sysctl: { "net.../../kernel/panic": "1" } }, "sysctl["],
    [{ ...BASE, setup: "true" }, 'setup: "true" is not a list'],
    [{ ...BASE, setup: ["true", 5] }, "setup[1]: 5 is not a command"],
    [{ ...BASE, finally: ["  "] }, "finally[0]: is empty"],
    [{ ...BASE, finally: ["a\0b"] }, "finally[0]: a command has no NUL"],
    [{ ...BASE, steps: {} }, "steps: {} is not a list"],
    [{ ...BASE, steps: ["true"] }, 'steps[0]: "true" is not an object'],
    [{ ...BASE, steps: [{}] }, "steps[0]: has neither in and hex, nor sleep, nor run"],
    [{ ...BASE, steps: [{ run: "true", sleep: "1s" }] }, "steps[0].sleep: there is no such field (run)"],
    [{ ...BASE, steps: [{ sleep: "1s", hex: "45" }] }, "steps[0].hex: there is no such field (sleep)"],
    [{ ...BASE, steps: [{ run: "" }] }, "steps[0].run: is empty"],
    [{ ...BASE, steps: [{ sleep: 1 }] }, "steps[0].sleep: 1 is not a duration"],
    [{ ...BASE, steps: [{ sleep: "-1s" }] }, 'steps[0].sleep: "-1s" is not a duration'],
    [{ ...BASE, steps: [{ sleep: "1 year" }] }, 'steps[0].sleep: "1 year" is not a duration'],
    [{ ...BASE, steps: [{ in: "lan0" }] }, "steps[0].hex: is missing"],
    [{ ...BASE, steps: [{ hex: "45" }] }, "steps[0].in: is missing"],
    [
      { ...BASE, steps: [{ in: "eth0", hex: "45" }] },
      'steps[0].in: there is no device "eth0" (devices: lan0, wan0)',
      false,
    ],
    [{ ...BASE, steps: [{ in: "toString", hex: "45" }] }, 'steps[0].in: there is no device "toString"', false],
    [{ ...BASE, steps: [{ in: "lan0", hex: "45", x: 1 }] }, "steps[0].x: there is no such field (in, hex)"],
    [{ ...BASE, steps: [{ in: "lan0", hex: "" }] }, "steps[0].hex: a packet has at least one byte"],
    [{ ...BASE, steps: [{ in: "lan0", hex: "450" }] }, "steps[0].hex: an odd number of digits (3)"],
    [{ ...BASE, steps: [{ in: "lan0", hex: "45 0" }] }, 'steps[0].hex: " " at position 2 is not a hexadecimal digit'],
    [{ ...BASE, steps: [{ in: "lan0", hex: "4g" }] }, 'steps[0].hex: "g" at position 1'],
    [{ ...BASE, steps: [{ in: "lan0", hex: 45 }] }, "steps[0].hex: 45 is not a text"],
    [{ ...BASE, steps: [{ in: "lan0", hex: "45".repeat(65536) }] }, "steps[0].hex: 65536 bytes are more"],
    [{ ...BASE, random: [1, 65536] }, "random[1]: 65536 is not an integer in 0..65535"],
    [{ ...BASE, random: [1.5] }, "random[0]: 1.5 is not an integer"],
    [{ ...BASE, random: 5 }, "random: 5 is not a list"],
  ])("%j", (value, message, inSchema = true) => {
    expect(() => parseScenario(JSON.stringify(value))).toThrow(message);
    expect(scenarioSchema(value)).toBe(!inSchema);
  });
});

describe("a line gets a line", () => {
  const runner = new EngineRunner();
  const good = JSON.stringify({ ...BASE, name: "good", steps: [{ run: "echo hello; nosuch 2>/dev/null; true" }] });
  test.each<[string, string, object]>([
    ["no JSON", "{", { version: 1, name: null, error: expect.stringMatching(/^not JSON: /) }],
    ["nothing", "", { version: 1, name: null, error: expect.stringMatching(/^not JSON: /) }],
    [
      "a mistake, named",
      JSON.stringify({ ...BASE, random: 5 }),
      { name: "x", error: "random: 5 is not a list of numbers" },
    ],
    ["a mistake in the name", JSON.stringify({ ...BASE, name: 5 }), { name: null, error: "name: 5 is not a text" }],
    [
      "a refusal of the backend",
      JSON.stringify({ ...BASE, setup: ["false"] }),
      { name: "x", error: "setup[0]: exit status 1" },
    ],
    ["a good one", good, { name: "good", steps: [{ stdout: "hello\n", stderr: "", status: 0 }], finally: [] }],
  ])("%s", (_, line, answer) => {
    const given = answerLine(runner, line);
    expect(given).toMatchObject(answer);
    expect(resultSchema(given)).toBe(true);
    expect(answerLine(runner, good)).toMatchObject({ name: "good", steps: [{ stdout: "hello\n" }] });
  });
});
