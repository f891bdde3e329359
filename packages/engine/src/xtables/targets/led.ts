/** LED: lights one when a packet comes; the kernel that this engine is compared with has none. Models libxt_LED.c. */
import { absentTarget } from "../absent.js";
import { ParameterProblem } from "../error.js";
import type { TargetExtension } from "../extension.js";
import { parseUint, stringOption } from "../options.js";

export const ledTarget: TargetExtension = absentTarget({
  name: "LED",
  help: `
LED target options:
--led-trigger-id name           suffix for led trigger name
--led-delay ms                  leave the LED on for this number of
                                milliseconds after triggering.
--led-always-blink              blink on arriving packets, even if
                                the LED is already on.
`,
  options: [
    { name: "led-trigger-id", mandatory: true, parse: stringOption(0, 16) },
    {
      name: "led-delay",
      parse(text) {
        const delay = text === "inf" ? Number.POSITIVE_INFINITY : parseUint(text, 0, 0xffffffff);
        if (delay === undefined) throw new ParameterProblem("Delay value must be within range 0..4294967295");
        return delay;
      },
    },
    { name: "led-always-blink" },
  ],
});
