/** `yes`: a line without end, at rests. */
import type { LabCommand } from "../../environment.js";
import { pauseFor } from "../../scheduler.js";

/** How long `yes` rests between what it writes: it must not fill the memory before the lab calls it endless. */
const YES_PAUSE_MICROS = 1_000_000;

export const yes: LabCommand = function* ({ args, stdout, host }) {
  const line = `${args.length > 0 ? args.join(" ") : "y"}\n`;
  while (stdout.write(line.repeat(64))) yield pauseFor(host.clock, YES_PAUSE_MICROS);
  return 0;
};
