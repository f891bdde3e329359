#!/usr/bin/env node
// Started by Jupyter (see jupyter/kernels/netfilter-lab/kernel.json) with the path of its connection file,
// and by the headless runner, which forks it without one.
import { existsSync } from "node:fs";

if (!existsSync(new URL("../dist/kernel/jupyter.js", import.meta.url))) {
  process.stderr.write("The netfilter-lab kernel is not built yet: run `npm ci && npm run build` in the repository.\n");
  process.exit(1);
}
const [connectionFile] = process.argv.slice(2);
if (connectionFile !== undefined) {
  const { startKernel } = await import("../dist/kernel/jupyter.js");
  await startKernel(connectionFile);
} else if (process.send !== undefined) {
  const { serveParent } = await import("../dist/kernel/child.js");
  serveParent();
} else {
  process.stderr.write("usage: kernel.mjs CONNECTION_FILE (Jupyter runs this; you need not)\n");
  process.exit(2);
}
