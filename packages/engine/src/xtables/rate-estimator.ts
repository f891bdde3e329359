/**
 * Rate estimators: what `-j RATEEST` counts and `-m rateest` reads, an exponentially weighted mean of bytes and packets
 * a second. The kernel's timer adds to the mean at each interval; here the intervals that have passed are made up for
 * when somebody counts or reads, with the same outcome. Models net/core/gen_estimator.c and xt_rateest_tg_checkentry(),
 * net/netfilter/xt_RATEEST.c.
 */
import { HZ } from "../clock.js";
import type { NetNamespace } from "../netns.js";
import { perNamespace } from "../pernet.js";
import { RulesetError } from "./error.js";

/** How an estimator works. Models `struct gnet_estimator`. */
export interface EstimatorParameters {
  /** The interval is 0.25 s times two to this power, 0 to 5. */
  readonly intervalLog: number;
  /** The time constant is the interval times two to this power. */
  readonly ewmaLog: number;
}

/** Bits behind the binary point of the means. */
const FRACTION = 8;
/** What makes a count of a quarter of a second, halved per interval step, a rate with that fraction. */
const SCALE_LOG = 10;

/** One estimator. Models `struct net_rate_estimator`. */
export class RateEstimator {
  readonly parameters: EstimatorParameters;
  readonly #net: NetNamespace;
  readonly #interval: number;
  #next: number;
  #bytes = 0;
  #packets = 0;
  #meanBytes = 0;
  #meanPackets = 0;
  /** Rules that hold it. */
  users = 0;

  constructor(net: NetNamespace, parameters: EstimatorParameters) {
    this.#net = net;
    this.parameters = parameters;
    this.#interval = (HZ / 4) << parameters.intervalLog;
    this.#next = net.clock.jiffies + this.#interval;
  }

  /** A packet passes. */
  count(bytes: number): void {
    this.#catchUp();
    this.#bytes += bytes;
    this.#packets++;
  }

  /** Bytes a second. */
  get bytesPerSecond(): number {
    this.#catchUp();
    return Math.floor(this.#meanBytes / 2 ** FRACTION);
  }

  /** Packets a second. */
  get packetsPerSecond(): number {
    this.#catchUp();
    return Math.floor(this.#meanPackets / 2 ** FRACTION);
  }

  #step(mean: number, count: number): number {
    const { intervalLog, ewmaLog } = this.parameters;
    const rate = count * 2 ** (SCALE_LOG - intervalLog);
    return mean + Math.floor(rate / 2 ** ewmaLog) - Math.floor(mean / 2 ** ewmaLog);
  }

  /** Models est_timer() for each interval that has passed. */
  #catchUp(): void {
    const now = this.#net.clock.jiffies;
    while (this.#next <= now) {
      const [bytes, packets] = [this.#step(this.#meanBytes, this.#bytes), this.#step(this.#meanPackets, this.#packets)];
      const still = bytes === this.#meanBytes && packets === this.#meanPackets && this.#bytes === 0;
      this.#bytes = 0;
      this.#packets = 0;
      this.#meanBytes = bytes;
      this.#meanPackets = packets;
      const passed = still ? Math.floor((now - this.#next) / this.#interval) + 1 : 1;
      this.#next += passed * this.#interval;
    }
  }
}

const estimatorsOf = perNamespace(() => new Map<string, RateEstimator>());

/** The estimator of a name. */
export function findEstimator(net: NetNamespace, name: string): RateEstimator | undefined {
  return estimatorsOf(net).get(name);
}

/** Throws where another estimator has the name already. */
export function checkEstimator(net: NetNamespace, name: string, wanted: EstimatorParameters): void {
  const there = findEstimator(net, name)?.parameters;
  if (there === undefined) return;
  if (there.intervalLog !== wanted.intervalLog || there.ewmaLog !== wanted.ewmaLog)
    throw new RulesetError("EINVAL", "", `the estimator ${name} works otherwise`);
}

/** A rule holds the estimator of a name, which is made for the first. */
export function holdEstimator(net: NetNamespace, name: string, wanted: EstimatorParameters): RateEstimator {
  const all = estimatorsOf(net);
  let estimator = all.get(name);
  if (estimator === undefined) all.set(name, (estimator = new RateEstimator(net, wanted)));
  estimator.users++;
  return estimator;
}

/** A rule holds it no more; with the last it goes. */
export function releaseEstimator(net: NetNamespace, name: string): void {
  const all = estimatorsOf(net);
  const estimator = all.get(name);
  if (estimator !== undefined && --estimator.users === 0) all.delete(name);
}

/** What strtod() reads at a text's beginning, and the rest; null when it is no number. */
export function leadingNumber(text: string): readonly [value: number, rest: string] | null {
  const [number] = /^[+]?(0x[0-9a-f]+|(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)/i.exec(text) ?? [];
  return number === undefined ? null : [Number(number), text.slice(number.length)];
}

/** The longest name that the kernel keeps. */
export const MAX_ESTIMATOR_NAME = 15;
