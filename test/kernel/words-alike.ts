/** Lists of command lines on a router of both families: both backends answer each alike. Needs root. */
import { afterAll, expect, test } from "vitest";
import { EngineRunner } from "../../packages/lab/src/scenario/engine-runner.js";
import { LinuxRunner } from "../../packages/lab/src/scenario/linux/runner.js";
import type { Scenario } from "../../packages/lab/src/scenario/model.js";

/**
 * A test for each list of commands, carried out in turn on one router.
 *
 * @param sysctl Set besides forwarding.
 * @param normalise What is taken out of a command's standard output before it is compared.
 */
export function testWords(
  lists: readonly (readonly [name: string, commands: readonly string[]])[],
  sysctl: Readonly<Record<string, string>> = {},
  normalise: (text: string) => string = (text) => text,
): void {
  const engine = new EngineRunner();
  const linux = new LinuxRunner();
  afterAll(() => linux.close());

  test.each(lists)("%s", (name, commands) => {
    const scenario: Scenario = {
      version: 1,
      name,
      devices: {
        lan0: ["2001:db8:1::1/64", "10.0.0.1/24"],
        wan0: ["2001:db8:2::1/64", "10.1.0.1/24"],
        wan1: ["2001:db8:9::1/64", "2001:db8:9::7/64"],
      },
      sysctl: { "net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1", ...sysctl },
      setup: [],
      steps: commands.map((run) => ({ run })),
      finally: [],
    };
    const told = ({ steps }: ReturnType<typeof engine.run>): unknown[] =>
      commands.map((command, i) => {
        const step = steps[i];
        return [command, "stdout" in step ? { ...step, stdout: normalise(step.stdout) } : step];
      });
    expect(told(engine.run(scenario))).toEqual(told(linux.run(scenario)));
  });
}
