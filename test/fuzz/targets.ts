/**
 * What is fed with such inputs, and what must not come of it: an exception that is not ours, a table that contradicts
 * itself, a file half loaded. Each target answers how much it was given; a {@link Finding} is thrown.
 */
import type { NetNamespace } from "../../packages/engine/src/index.js";
import { dissect, headline, oneLine } from "../../packages/lab/src/draw/dissect.js";
import { PcapStream } from "../../packages/lab/src/linux/pcap-stream.js";
import { describePacket } from "../../packages/lab/src/packet-text/describe.js";
import { LINKTYPE_RAW, writePcap } from "../../packages/lab/src/pcap.js";
import { EngineRunner } from "../../packages/lab/src/scenario/engine-runner.js";
import { ScenarioError, type ScenarioResult, type StepResult } from "../../packages/lab/src/scenario/model.js";
import { Choice, scenarioSeed } from "../referee/choice.js";
import { KINDS } from "../referee/kinds/index.js";
import { fromHex, isPacket, packetCount, type Scenario } from "../referee/scenario.js";
import { makePackets, mutateBytes, mutateLine, rulesOf } from "./inputs.js";
import { checkInvariants, checkNothingLeaks } from "./invariants.js";

/** Something that must not be, with what shows it. */
export class Finding extends Error {
  override readonly name = "Finding";
  readonly input: unknown;

  constructor(message: string, input: unknown) {
    super(message);
    this.input = input;
  }
}

/** How much an input was: packets for {@link TARGETS.packets}, else inputs. */
export interface Target {
  readonly about: string;
  feed(seed: number, index: number): number;
}

/**
 * Runs a scenario and looks at the tracker after every step. Null for one that was refused by name, as a set-up with a
 * wrong command is.
 */
export function runChecked(scenario: Scenario): ScenarioResult | null {
  let last: NetNamespace | null = null;
  const byHand = scenario.steps.some((step) => "run" in step && step.run.includes("ASSURED"));
  const runner = new EngineRunner({
    afterStep(net) {
      last = net;
      checkInvariants(net, byHand);
    },
  });
  try {
    const result = runner.run(scenario);
    if (last !== null) checkNothingLeaks(last);
    return result;
  } catch (error) {
    if (error instanceof ScenarioError) return null;
    throw error;
  }
}

function found(input: unknown, error: unknown): Finding {
  return new Finding(error instanceof Error ? (error.stack ?? error.message) : String(error), input);
}

function gateway(name: string, setup: readonly string[], steps: Scenario["steps"]): Scenario {
  return { version: 1, name, devices: { lan0: ["192.168.1.1/24"], wan0: ["198.51.100.1/24"] }, setup, steps };
}

/**
 * The rules of a save, without the lines that tell of the time, and without tables that are there and empty: a file
 * that names one opens it, with the legacy tool, whatever comes of its lines.
 */
function saved(outcome: StepResult | undefined): string {
  const text = outcome !== undefined && "stdout" in outcome ? outcome.stdout : "";
  return text.replace(/^#.*\n/gm, "").replace(/^\*\w+\n(?::\S+ ACCEPT \[0:0\]\n)*COMMIT\n/gm, "");
}

export const TARGETS: Readonly<Record<"packets" | "rules" | "restore" | "text", Target>> = {
  packets: {
    about: "spoilt packets through every kind of gateway, its table checked after each",
    feed(seed, index) {
      const scenario = makePackets(seed, index);
      try {
        runChecked(scenario);
      } catch (error) {
        throw found(scenario, error);
      }
      return packetCount(scenario);
    },
  },

  rules: {
    about: "command lines with words left out, repeated, exchanged and replaced",
    feed(seed, index) {
      const choice = new Choice(scenarioSeed(seed, "rules", index));
      const lines = rulesOf(choice)
        .flatMap((command) => command.split("\n"))
        .filter((line) => !/^(?:\*|COMMIT|END)/.test(line))
        .map((line) => (line.startsWith("-") ? `${choice.pick(["iptables", "iptables-legacy"])} ${line}` : line));
      const steps = lines.map((line) => ({ run: mutateLine(choice, line) }));
      for (const step of steps) {
        const scenario = gateway("a spoilt command", [], [step]);
        try {
          runChecked(scenario);
        } catch (error) {
          throw found(scenario, error);
        }
      }
      return steps.length;
    },
  },

  restore: {
    about: "iptables-restore files with spoilt lines: all of a table is loaded, or nothing of it",
    feed(seed, index) {
      const choice = new Choice(scenarioSeed(seed, "restore", index));
      const command =
        rulesOf(choice).find((each) => each.includes("-restore")) ?? "iptables-restore <<'END'\n*filter\nCOMMIT\nEND";
      const [first, ...rest] = command.split("\n");
      const table = rest.slice(0, rest.indexOf("COMMIT") + 1);
      const file = table.map((line) => (choice.oneIn(table.length) ? mutateLine(choice, line) : line));
      const tool = first.split(" ")[0];
      const save = { run: tool.replace("restore", "save") };
      const load = { run: [`${tool} ${choice.pick(["", "-n", "-c", "-t"])} << 'E N D'`, ...file, "E N D"].join("\n") };
      const scenario = gateway("a spoilt file", [command], [save, load, save]);
      try {
        const result = runChecked(scenario);
        const [before, loaded, after] = result?.steps ?? [];
        if (loaded !== undefined && "status" in loaded && loaded.status !== 0 && saved(before) !== saved(after)) {
          // Behind a table's end a line spoils nothing of it any more.
          const failed = Number(/line:? (\d+)/.exec(loaded.stderr)?.[1] ?? 0);
          if (
            !file
              .join("\n")
              .split("\n")
              .slice(0, Math.max(0, failed - 1))
              .includes("COMMIT")
          )
            throw new Error(`half a file was loaded:\n${saved(after)}`);
        }
      } catch (error) {
        throw found(scenario, error);
      }
      return 1;
    },
  },

  text: {
    about: "spoilt packets and captures, printed and dissected",
    feed(seed, index) {
      const choice = new Choice(scenarioSeed(seed, "text", index));
      const packets = (choice.pick(KINDS).make(choice).steps ?? [])
        .filter(isPacket)
        .slice(0, 20)
        .map(({ hex }) => mutateBytes(choice, fromHex(hex)));
      try {
        for (const packet of packets) {
          describePacket(packet, { verbose: choice.below(4) });
          headline(packet);
          oneLine(packet);
          dissect(packet);
        }
        readCapture(choice, packets);
      } catch (error) {
        throw found(
          packets.map((packet) => Buffer.from(packet).toString("hex")),
          error,
        );
      }
      return packets.length;
    },
  },
};

/** A capture of packets, spoilt, read in pieces: records, or the one error that a capture may have. */
function readCapture(choice: Choice, packets: readonly Uint8Array[]): void {
  const whole = writePcap(
    LINKTYPE_RAW,
    packets.map((frame, i) => ({ atMicros: i, frame })),
  );
  const bytes = choice.oneIn(4) ? whole : mutateBytes(choice, whole);
  const stream = new PcapStream();
  try {
    for (let at = 0; at < bytes.length; ) {
      const length = choice.between(1, 100);
      stream.push(bytes.subarray(at, at + length));
      at += length;
    }
  } catch (error) {
    if (!(error instanceof Error) || error.message !== "not a pcap file") throw error;
  }
}
