/**
 * `npm start`: installs what is missing, builds what is stale, serves the site, and opens the lessons there and, where
 * Jupyter is on the machine, as notebooks.
 */
import { readdirSync } from "node:fs";
import { parseOptions, parsePort } from "./arguments.mjs";
import { openInBrowser } from "./browser.mjs";
import { buildPackages, buildSite, SITE } from "./build.mjs";
import { stopOnSignals } from "./child.mjs";
import { ensureInstalled } from "./install.mjs";
import { findJupyter, HOW_TO_GET_JUPYTER, installJupyter, startJupyter } from "./jupyter.mjs";
import { listenOnFreePort } from "./ports.mjs";
import { say, withProgress } from "./progress.mjs";
import { inRepository } from "./repository.mjs";
import { createStaticServer } from "./serve.mjs";

const SITE_PORT = 3000;
const JUPYTER_PORT = 8888;

const HELP = `npm start [-- options]

Installs what is missing, builds what is stale, serves the site and opens the lessons;
opens them in Jupyter too, where Jupyter is on this machine. Ctrl-C stops everything.

  --with-jupyter   install Jupyter into .venv, inside this folder, if it is not on the machine
  --no-jupyter     leave Jupyter out
  --no-open        print the addresses, open no browser
  --port N         serve the site on port N, or the next free one (default ${SITE_PORT})
  --help           this text`;

/** @param {string[]} args */
export async function main(args) {
  const options = parseOptions(
    args,
    {
      "with-jupyter": { type: "boolean" },
      "no-jupyter": { type: "boolean" },
      "no-open": { type: "boolean" },
      port: { type: "string" },
      help: { type: "boolean" },
    },
    "npm start",
  );
  if (options.help) {
    say(HELP);
    return 0;
  }
  const wantedPort = options.port === undefined ? SITE_PORT : parsePort(options.port);

  stopOnSignals(() => say("\nStopping."));
  await ensureInstalled();
  await buildPackages();
  await buildSite();

  const server = await createStaticServer(SITE);
  const port = await listenOnFreePort(server, wantedPort);
  if (port !== wantedPort) say(`  Port ${wantedPort} is taken; the site gets ${port}.`);
  const site = `http://localhost:${port}/`;

  const jupyterAddress = options["no-jupyter"] ? undefined : await jupyter(options["with-jupyter"] ?? false);

  say("");
  say(`  Site       ${site}`);
  if (jupyterAddress) say(`  Notebooks  ${jupyterAddress}`);
  say("");
  if (!options["no-open"]) {
    const opened = [site, jupyterAddress].filter((url) => url !== undefined).map((url) => openInBrowser(url));
    if (opened.includes(false)) say("No browser could be opened from here: open the address yourself.");
  }
  say("Ctrl-C stops everything.");
  await new Promise((resolve) => server.once("close", resolve));
  return 0;
}

/**
 * @param {boolean} install
 * @returns {Promise<string | undefined>} Jupyter's address, where it runs
 */
async function jupyter(install) {
  let found = findJupyter();
  if (!found && install && (await installJupyter())) found = findJupyter();
  if (!found) {
    if (!install) say(`▸ ${HOW_TO_GET_JUPYTER}`);
    return undefined;
  }
  const { file, name, page } = found;
  const first = readdirSync(inRepository("notebooks"))
    .filter((notebook) => notebook.endsWith(".ipynb"))
    .sort()[0];
  return withProgress(`Starting ${name}`, () =>
    startJupyter({ file, name, page }, { port: JUPYTER_PORT, ...(first ? { notebook: first } : {}) }),
  );
}
