/** `seq`: numbers from, by, to. */
import type { LabCommand } from "../../environment.js";
import { pauseFor } from "../../scheduler.js";

/** How many numbers `seq` prints at once, and how long it rests after so many: `seq 1e20 >/dev/null` is endless. */
const SEQ_AT_ONCE = 200_000;
const SEQ_PAUSE_MICROS = 60_000_000;

export const seq: LabCommand = function* (context) {
  const numbers = context.args.map(Number);
  if (numbers.length === 0 || numbers.length > 3 || numbers.some(Number.isNaN)) {
    const wrong = context.args.find((argument) => Number.isNaN(Number(argument)));
    context.stderr.write(
      `seq: ${wrong === undefined ? (numbers.length === 0 ? "missing operand" : `extra operand ‘${context.args[3]}’`) : `invalid floating point argument: ‘${wrong}’`}\nTry 'seq --help' for more information.\n`,
    );
    return 1;
  }
  const from = numbers.length > 1 ? numbers[0] : 1;
  const step = numbers.length > 2 ? numbers[1] : 1;
  const to = numbers[numbers.length - 1];
  if (step === 0) {
    context.stderr.write("seq: invalid Zero increment value: ‘0’\nTry 'seq --help' for more information.\n");
    return 1;
  }
  let printed = 0;
  for (let value = from; step > 0 ? value <= to : value >= to; value += step) {
    if (!context.stdout.write(`${value}\n`)) return 0;
    if (++printed % SEQ_AT_ONCE === 0) yield pauseFor(context.host.clock, SEQ_PAUSE_MICROS);
  }
  return 0;
};
