// @ts-nocheck: it runs the built packages, whose types are not those of the sources that the tests see.
/**
 * One measurement of the engine in a process of its own: what V8 learned of one would slow the next. `worker measure NAME
 * PARAMETERS` prints what a function of measures.mjs gives; `worker send PARAMETERS` is the engine's counterpart of
 * sender.c: for each line on stdin, a number of packets, it forwards so many and answers "SENT NANOSECONDS".
 */
import { createInterface } from "node:readline";
import { filterRules, measures } from "./measures.mjs";
import { forwarder } from "./router.mjs";

/** Seconds of processor time this process (garbage collection and compilers included) has had. */
function clock() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === "measure") {
  const [name, parameters] = rest;
  console.log(JSON.stringify(measures[name](clock, JSON.parse(parameters))));
} else {
  const { filter, ...parameters } = JSON.parse(rest[0]);
  const before = filter === undefined ? [] : filterRules(filter);
  const { burst } = forwarder({ ...parameters, before });
  for await (const line of createInterface({ input: process.stdin })) {
    const start = clock();
    burst(Number(line));
    console.log(`${line} ${Math.round((clock() - start) * 1e9)}`);
  }
}
