/**
 * RATEEST: counts packets for an estimator of their rate, which `-m rateest` reads. Models xt_rateest_tg(),
 * net/netfilter/xt_RATEEST.c.
 */
import { ParameterProblem } from "../error.js";
import { type TargetExtension, XT_CONTINUE } from "../extension.js";
import {
  checkEstimator,
  type EstimatorParameters,
  holdEstimator,
  leadingNumber,
  MAX_ESTIMATOR_NAME,
  type RateEstimator,
  releaseEstimator,
} from "../rate-estimator.js";

const SECOND = 1_000_000;
const QUARTER = SECOND / 4;
const MAX_INTERVAL_LOG = 5;
const MAX_EWMA_LOG = 31;
/** Microseconds of each unit. */
const UNITS: readonly (readonly [names: readonly string[], micros: number])[] = [
  [["s", "sec", "secs"], SECOND],
  [["ms", "msec", "msecs"], 1000],
  [["us", "usec", "usecs", ""], 1],
];

/** Microseconds, in 32 bits as the tool keeps them. Models RATEEST_get_time(). */
function time(what: string): (text: string) => number {
  return (text) => {
    const [value, rest] = leadingNumber(text) ?? [0, "none"];
    const unit = UNITS.find(([names]) => names.includes(rest.toLowerCase()));
    if (unit === undefined) throw new ParameterProblem(`RATEEST: bad ${what} value "${text}"`);
    return Math.floor(value * unit[1]) % 2 ** 32;
  };
}

/** The steps of both times that come nearest. Models RATEEST_final_check(). */
function parametersOf(interval: number, constant: number): EstimatorParameters {
  let intervalLog = 0;
  while (intervalLog <= MAX_INTERVAL_LOG && interval > QUARTER << intervalLog) intervalLog++;
  if (intervalLog > MAX_INTERVAL_LOG) throw new ParameterProblem("RATEEST: interval value is too large");
  let ewmaLog = 1;
  while (ewmaLog <= MAX_EWMA_LOG && interval / -Math.log(1 - 2 ** -ewmaLog) <= constant) ewmaLog++;
  ewmaLog--;
  if (ewmaLog === 0 || ewmaLog === MAX_EWMA_LOG) throw new ParameterProblem("RATEEST: ewmalog value is out of range");
  return { intervalLog, ewmaLog };
}

function timeText(micros: number): string {
  if (micros >= SECOND) return `${(micros / SECOND).toFixed(1)}s`;
  return micros >= 1000 ? `${(micros / 1000).toFixed(1)}ms` : `${micros}us`;
}

export const rateestTarget: TargetExtension = {
  kind: "target",
  name: "RATEEST",
  help: `
RATEEST target options:
  --rateest-name name		Rate estimator name
  --rateest-interval sec	Rate measurement interval in seconds
  --rateest-ewmalog value	Rate measurement averaging time constant
`,
  options: [
    { name: "rateest-name", mandatory: true, parse: (text) => text.slice(0, MAX_ESTIMATOR_NAME) },
    { name: "rateest-interval", mandatory: true, parse: time("interval") },
    { name: "rateest-ewmalog", mandatory: true, parse: time("ewmalog") },
  ],
  finalCheck(values) {
    parametersOf(values.get<number>("rateest-interval") ?? 0, values.get<number>("rateest-ewmalog") ?? 0);
  },
  build(values) {
    const name = values.get<string>("rateest-name") as string;
    const parameters = parametersOf(
      values.get<number>("rateest-interval") as number,
      values.get<number>("rateest-ewmalog") as number,
    );
    const interval = QUARTER << parameters.intervalLog;
    const constant = (interval * 2 ** parameters.ewmaLog) % 2 ** 32;
    const text = (before: string): string =>
      ` ${before}name ${name} ${before}interval ${timeText(interval)} ${before}ewmalog ${timeText(constant)}`;
    let estimator: RateEstimator | null = null;
    return {
      name: "RATEEST",
      check: (_flavour, _matches, net) => checkEstimator(net, name, parameters),
      target({ skb }) {
        estimator?.count(skb.len);
        return XT_CONTINUE;
      },
      attach(net) {
        estimator = holdEstimator(net, name, parameters);
      },
      detach(net) {
        releaseEstimator(net, name);
        estimator = null;
      },
      save: () => text("--rateest-"),
      print: () => text(""),
    };
  },
};
