/**
 * Reads one line of the `scenario` front door and checks all of it before anything is made: what is wrong is told with
 * its place. The schema in schema/scenario-v1.schema.json says the same as far as a schema can; a test holds the two
 * together.
 */
import { checkDevice, LabConfigError } from "../config.js";
import { parseDuration } from "../duration.js";
import { fromHex } from "./bytes.js";
import { type Scenario, ScenarioError, type ScenarioStep } from "./model.js";

/** The greatest IP packet, in bytes. */
export const LONGEST_PACKET = 65535;

const FIELDS: readonly string[] = ["version", "name", "devices", "sysctl", "setup", "steps", "finally", "random"];

/** A network namespace has what is below net; a path that leaves /proc/sys/net cannot be written so. */
const SYSCTL_NAME = /^net([./][A-Za-z0-9_-]+)+$/;

/** A line that is no scenario, with the name that it gives itself, if any. */
export class UnreadableScenario extends ScenarioError {
  readonly scenarioName: string | null;

  constructor(error: ScenarioError, scenarioName: string | null) {
    super("", error.message);
    this.scenarioName = scenarioName;
  }
}

/** Reads a line. Throws {@link UnreadableScenario}. */
export function parseScenario(line: string): Scenario {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new UnreadableScenario(new ScenarioError("", `not JSON: ${(error as Error).message}`), null);
  }
  try {
    return checkScenario(value);
  } catch (error) {
    if (!(error instanceof ScenarioError)) throw error;
    const name = isRecord(value) && typeof value.name === "string" ? value.name : null;
    throw new UnreadableScenario(error, name);
  }
}

/** Checks a value that JSON gave. Throws {@link ScenarioError}. */
export function checkScenario(value: unknown): Scenario {
  if (!isRecord(value)) throw new ScenarioError("", `${shown(value)} is not an object`);
  onlyFields("", value, FIELDS);
  if (value.version === undefined) throw new ScenarioError("version", "is missing (1)");
  if (value.version !== 1) throw new ScenarioError("version", `${shown(value.version)} is not 1`);
  if (value.name === undefined) throw new ScenarioError("name", "is missing");
  if (typeof value.name !== "string") throw new ScenarioError("name", `${shown(value.name)} is not a text`);
  const devices = checkDevices(value.devices);
  return {
    version: 1,
    name: value.name,
    devices,
    ...(value.sysctl === undefined ? {} : { sysctl: checkSysctls(value.sysctl) }),
    ...(value.setup === undefined ? {} : { setup: checkCommands("setup", value.setup) }),
    ...(value.steps === undefined ? {} : { steps: checkSteps(value.steps, devices) }),
    ...(value.finally === undefined ? {} : { finally: checkCommands("finally", value.finally) }),
    ...(value.random === undefined ? {} : { random: checkRandom(value.random) }),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value for a message: not more of it than one reads. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

function onlyFields(field: string, value: Record<string, unknown>, known: readonly string[]): void {
  for (const key of Object.keys(value))
    if (!known.includes(key))
      throw new ScenarioError(below(field, key), `there is no such field (${known.join(", ")})`);
}

/** The place of a member: `sysctl["net.ipv4.ip_forward"]`, `devices.lan0`. */
function below(field: string, key: string): string {
  const plain = /^[A-Za-z_]\w*$/.test(key);
  if (field === "") return plain ? key : `[${shown(key)}]`;
  return plain ? `${field}.${key}` : `${field}[${shown(key)}]`;
}

function checkDevices(value: unknown): Record<string, string[]> {
  if (value === undefined) throw new ScenarioError("devices", "is missing");
  if (!isRecord(value)) throw new ScenarioError("devices", `${shown(value)} is not an object of addresses by device`);
  const devices: Record<string, string[]> = {};
  for (const [name, addresses] of Object.entries(value)) {
    const field = below("devices", name);
    if (!Array.isArray(addresses))
      throw new ScenarioError(field, `${shown(addresses)} is not a list of addresses such as ["192.168.1.1/24"]`);
    try {
      checkDevice(field, name, addresses);
    } catch (error) {
      if (error instanceof LabConfigError) throw new ScenarioError("", error.message);
      throw error;
    }
    devices[name] = addresses as string[];
  }
  return devices;
}

function checkSysctls(value: unknown): Record<string, string> {
  if (!isRecord(value)) throw new ScenarioError("sysctl", `${shown(value)} is not an object of values by name`);
  const sysctls: Record<string, string> = {};
  for (const [key, given] of Object.entries(value)) {
    const field = below("sysctl", key);
    if (!SYSCTL_NAME.test(key))
      throw new ScenarioError(
        field,
        'is not the name of a network namespace\'s tunable, such as "net.ipv4.ip_forward"',
      );
    if (typeof given !== "string") throw new ScenarioError(field, `${shown(given)} is not a text (write "1")`);
    sysctls[key] = given;
  }
  return sysctls;
}

function checkCommands(field: string, value: unknown): string[] {
  if (!Array.isArray(value)) throw new ScenarioError(field, `${shown(value)} is not a list of commands`);
  return value.map((command: unknown, index) => checkCommand(`${field}[${index}]`, command));
}

function checkCommand(field: string, value: unknown): string {
  if (typeof value !== "string") throw new ScenarioError(field, `${shown(value)} is not a command`);
  if (value.trim() === "") throw new ScenarioError(field, "is empty");
  if (value.includes("\0")) throw new ScenarioError(field, "a command has no NUL character");
  return value;
}

function checkSteps(value: unknown, devices: Readonly<Record<string, unknown>>): ScenarioStep[] {
  if (!Array.isArray(value)) throw new ScenarioError("steps", `${shown(value)} is not a list of steps`);
  return value.map((step: unknown, index) => checkStep(`steps[${index}]`, step, devices));
}

function checkStep(field: string, value: unknown, devices: Readonly<Record<string, unknown>>): ScenarioStep {
  if (!isRecord(value))
    throw new ScenarioError(field, `${shown(value)} is not an object with in and hex, sleep, or run`);
  if ("run" in value) {
    onlyFields(field, value, ["run"]);
    return { run: checkCommand(`${field}.run`, value.run) };
  }
  if ("sleep" in value) {
    onlyFields(field, value, ["sleep"]);
    return { sleep: checkDuration(`${field}.sleep`, value.sleep) };
  }
  onlyFields(field, value, ["in", "hex"]);
  if (!("in" in value) && !("hex" in value))
    throw new ScenarioError(field, "has neither in and hex, nor sleep, nor run");
  return { in: checkDeviceName(`${field}.in`, value.in, devices), hex: checkHex(`${field}.hex`, value.hex) };
}

function checkDuration(field: string, value: unknown): string {
  if (typeof value !== "string") throw new ScenarioError(field, `${shown(value)} is not a duration (write "1s")`);
  try {
    parseDuration(value);
  } catch (error) {
    throw new ScenarioError(field, (error as Error).message);
  }
  return value;
}

function checkDeviceName(field: string, value: unknown, devices: Readonly<Record<string, unknown>>): string {
  if (value === undefined) throw new ScenarioError(field, "is missing");
  if (typeof value !== "string" || !Object.hasOwn(devices, value))
    throw new ScenarioError(
      field,
      `there is no device ${shown(value)} (devices: ${Object.keys(devices).join(", ") || "none"})`,
    );
  return value;
}

function checkHex(field: string, value: unknown): string {
  if (value === undefined) throw new ScenarioError(field, "is missing");
  if (typeof value !== "string") throw new ScenarioError(field, `${shown(value)} is not a text of hexadecimal digits`);
  let bytes: Uint8Array;
  try {
    bytes = fromHex(value);
  } catch (error) {
    throw new ScenarioError(field, (error as Error).message);
  }
  if (bytes.length === 0) throw new ScenarioError(field, "a packet has at least one byte");
  if (bytes.length > LONGEST_PACKET)
    throw new ScenarioError(field, `${bytes.length} bytes are more than a packet has (${LONGEST_PACKET})`);
  return value;
}

function checkRandom(value: unknown): number[] {
  if (!Array.isArray(value)) throw new ScenarioError("random", `${shown(value)} is not a list of numbers`);
  value.forEach((each: unknown, index) => {
    if (typeof each !== "number" || !Number.isInteger(each) || each < 0 || each > 0xffff)
      throw new ScenarioError(`random[${index}]`, `${shown(each)} is not an integer in 0..65535`);
  });
  return value as number[];
}
