/**
 * A kernel whose parent has died must die too, even in the middle of an endless loop; so a thread of its own watches.
 */
import { Worker } from "node:worker_threads";

const watch = `
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, "SIGKILL");
}, 500);
`;

/** Ends this process soon after its parent process has ended. */
export function dieWithParent(): void {
  new Worker(watch, { eval: true }).unref();
}
