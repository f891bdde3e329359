import { describe, expect, test } from "vitest";
import { VirtualClock } from "../clock.js";
import { NetNamespace } from "../netns.js";
import { SeededRandom } from "../random.js";
import { checkEstimator, findEstimator, holdEstimator, RateEstimator, releaseEstimator } from "./rate-estimator.js";

const QUARTER_MICROS = 250_000;

function make(): { clock: VirtualClock; net: NetNamespace } {
  const clock = new VirtualClock();
  return { clock, net: new NetNamespace("host", clock, new SeededRandom(1)) };
}

describe("the mean moves at each interval", () => {
  // A burst of 16 packets of 100 bytes; means are halved (1), or lose an eighth (3), at each interval.
  test.each([
    [{ intervalLog: 0, ewmaLog: 1 }, [32, 16, 8, 4, 2, 1, 0], [3200, 1600, 800, 400, 200, 100, 50]],
    [{ intervalLog: 0, ewmaLog: 3 }, [8, 7, 6, 5, 4, 4, 3], [800, 700, 612, 535, 468, 410, 359]],
    [{ intervalLog: 2, ewmaLog: 1 }, [8, 4, 2, 1, 0, 0, 0], [800, 400, 200, 100, 50, 25, 12]],
  ])("%j", (parameters, packets, bytes) => {
    const { clock, net } = make();
    const estimator = new RateEstimator(net, parameters);
    for (let i = 0; i < 16; i++) estimator.count(100);
    expect(estimator.packetsPerSecond).toBe(0);
    const seen = packets.map(() => {
      clock.advance(QUARTER_MICROS << parameters.intervalLog);
      return [estimator.packetsPerSecond, estimator.bytesPerSecond];
    });
    expect(seen).toEqual(packets.map((each, i) => [each, bytes[i]]));
  });

  test("however long nobody looked", () => {
    const { clock, net } = make();
    const [watched, forgotten] = [1, 2].map(() => new RateEstimator(net, { intervalLog: 0, ewmaLog: 4 }));
    for (const each of [watched, forgotten]) for (let i = 0; i < 1000; i++) each.count(1500);
    for (let i = 0; i < 30; i++) {
      clock.advance(QUARTER_MICROS);
      watched.count(0);
      forgotten.count(0);
      if (i < 20) expect(watched.packetsPerSecond).toBeGreaterThanOrEqual(0);
    }
    expect(forgotten.bytesPerSecond).toBe(watched.bytesPerSecond);
    clock.advance(86_400_000_000);
    expect([forgotten.packetsPerSecond, forgotten.bytesPerSecond]).toEqual([0, 0]);
  });
});

test("rules of one name share an estimator, which goes with the last", () => {
  const { net } = make();
  const parameters = { intervalLog: 1, ewmaLog: 2 };
  const first = holdEstimator(net, "a", parameters);
  expect(holdEstimator(net, "a", parameters)).toBe(first);
  expect(() => checkEstimator(net, "a", { intervalLog: 1, ewmaLog: 3 })).toThrow("works otherwise");
  releaseEstimator(net, "a");
  expect(findEstimator(net, "a")).toBe(first);
  releaseEstimator(net, "a");
  expect(findEstimator(net, "a")).toBeUndefined();
  checkEstimator(net, "a", { intervalLog: 1, ewmaLog: 3 });
});
