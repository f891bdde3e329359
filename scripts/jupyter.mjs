/**
 * Jupyter on the lessons: finding it, installing it into the checkout when asked, and running it with our kernel. All
 * that Jupyter and IPython write goes to .cache/jupyter; the kernel is found by JUPYTER_PATH and installed nowhere.
 */
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { isStopping, runProgram, startProgram } from "./child.mjs";
import { findFreePort, HOST } from "./ports.mjs";
import { say, withProgress } from "./progress.mjs";
import { CACHE, inRepository, ROOT } from "./repository.mjs";
import { findProgram } from "./tools.mjs";

const WINDOWS = process.platform === "win32";
const VENV = inRepository(".venv");
const VENV_PROGRAMS = path.join(VENV, WINDOWS ? "Scripts" : "bin");
/** There while .venv is being filled; an installation that was cut short leaves it behind. */
const VENV_UNFINISHED = path.join(VENV, ".unfinished");
const HOME = path.join(CACHE, "jupyter");

/** How long Jupyter may take to answer for the first time. */
const START_TIMEOUT_MS = 60_000;

/**
 * The front ends, best first: JupyterLab and Notebook 7 draw Mermaid, classic Notebook 6 does not.
 * @type {readonly { program: string, name: string, page: string }[]}
 */
const FRONT_ENDS = [
  { program: "jupyter-lab", name: "JupyterLab", page: "lab/tree" },
  { program: "jupyter-notebook", name: "Jupyter Notebook", page: "notebooks" },
];

/** One line for whoever has no Jupyter. */
export const HOW_TO_GET_JUPYTER =
  "Jupyter is not on this machine: `npm start -- --with-jupyter` installs it into .venv here " +
  "(or your system's package, such as Debian's jupyter-notebook).";

/**
 * @param {string} [searchPath] where to look for programs
 * @returns {{ file: string, name: string, page: string } | undefined}
 */
export function findJupyter(searchPath = jupyterSearchPath()) {
  for (const { program, name, page } of FRONT_ENDS) {
    const file = findProgram(program, searchPath);
    if (file) return { file, name, page };
  }
  return undefined;
}

/** The checkout's own .venv goes first, once it is whole. */
function jupyterSearchPath() {
  const machine = process.env["PATH"] ?? "";
  return existsSync(VENV_UNFINISHED) ? machine : VENV_PROGRAMS + path.delimiter + machine;
}

/** @param {string} why */
function giveUp(why) {
  say(`  ${why}`);
  say("  On Debian or Ubuntu: apt-get install jupyter-notebook. Then run npm start again.");
  return false;
}

/**
 * Installs JupyterLab and Notebook into .venv, inside the checkout.
 * @returns {Promise<boolean>} whether Jupyter is there now; where not, the person was told what to do
 */
export async function installJupyter() {
  const python = findProgram("python3") ?? findProgram("python");
  if (!python) return giveUp("Jupyter needs Python 3, which is not on this machine.");
  // Only an unfinished folder of our own is removed: a .venv that the person made stays and is added to.
  if (existsSync(VENV_UNFINISHED)) rmSync(VENV, { recursive: true, force: true });
  return withProgress("Installing JupyterLab into .venv with pip", async () => {
    if (!existsSync(VENV)) {
      mkdirSync(VENV);
      writeFileSync(VENV_UNFINISHED, "");
      const { status } = await runProgram(python, ["-m", "venv", VENV]);
      if (status !== 0) {
        rmSync(VENV, { recursive: true, force: true });
        return giveUp("Python's venv does not work here (Debian's package is python3-venv).");
      }
    }
    const pip = path.join(VENV_PROGRAMS, WINDOWS ? "python.exe" : "python");
    const env = { ...process.env, PIP_CACHE_DIR: path.join(CACHE, "pip"), PIP_DISABLE_PIP_VERSION_CHECK: "1" };
    const { status } = await runProgram(pip, ["-m", "pip", "install", "jupyterlab", "notebook"], { env });
    if (status !== 0) {
      if (existsSync(VENV_UNFINISHED)) rmSync(VENV, { recursive: true, force: true });
      return giveUp("pip could not install JupyterLab: see its message above.");
    }
    rmSync(VENV_UNFINISHED, { force: true });
    return true;
  });
}

/**
 * The environment in which every Jupyter program finds our kernel and writes only inside the checkout.
 * @param {NodeJS.ProcessEnv} [base]
 * @returns {NodeJS.ProcessEnv}
 */
export function jupyterEnvironment(base = process.env) {
  const kernels = inRepository("packages", "notebook", "jupyter");
  return {
    ...base,
    // The kernel's spec starts `node`: let it be the one that runs us.
    PATH: path.dirname(process.execPath) + path.delimiter + (base["PATH"] ?? ""),
    JUPYTER_PATH: [kernels, base["JUPYTER_PATH"]].filter(Boolean).join(path.delimiter),
    JUPYTER_CONFIG_DIR: path.join(HOME, "config"),
    JUPYTER_DATA_DIR: path.join(HOME, "data"),
    JUPYTER_RUNTIME_DIR: path.join(HOME, "runtime"),
    JUPYTERLAB_SETTINGS_DIR: path.join(HOME, "lab", "settings"),
    JUPYTERLAB_WORKSPACES_DIR: path.join(HOME, "lab", "workspaces"),
    IPYTHONDIR: path.join(HOME, "ipython"),
  };
}

/**
 * Starts Jupyter on the notebooks folder and waits until it answers.
 * @param {{ file: string, name: string, page: string }} jupyter
 * @param {{ port: number, notebook?: string }} options port: the wanted one; notebook: a file to open, in the folder
 * @returns {Promise<string | undefined>} its address, with the key it asks for; undefined where it did not start, and
 *   the person was told
 */
export async function startJupyter(jupyter, { port: wanted, notebook }) {
  mkdirSync(HOME, { recursive: true });
  const port = await findFreePort(wanted);
  if (port !== wanted) say(`  Port ${wanted} is taken; Jupyter gets ${port}.`);
  const token = randomBytes(16).toString("hex");
  const args = [
    "--no-browser",
    `--ip=${HOST}`,
    `--port=${port}`,
    `--notebook-dir=${inRepository("notebooks")}`,
    ...(process.getuid?.() === 0 ? ["--allow-root"] : []),
  ];
  const logFile = path.join(HOME, `jupyter-${port}.log`);
  const log = openSync(logFile, "w");
  const child = startProgram(jupyter.file, args, {
    stdio: ["ignore", log, log],
    env: { ...jupyterEnvironment(), JUPYTER_TOKEN: token },
  });
  closeSync(log);
  const ended = new Promise((resolve) => {
    child.once("exit", () => resolve("ended"));
    child.once("error", () => resolve("ended"));
  });
  const base = `http://localhost:${port}`;
  const outcome = await Promise.race([ended, answers(`http://${HOST}:${port}/api`)]);
  if (outcome !== "answers") {
    const lines = readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-5);
    say(`  ${jupyter.name} did not start; the site runs without it. From ${path.relative(ROOT, logFile)}:`);
    for (const line of lines) say(`    ${line}`);
    child.kill();
    return undefined;
  }
  child.once("exit", () => {
    if (!isStopping()) say(`${jupyter.name} has ended; the site is still served.`);
  });
  const page = notebook ? `${jupyter.page}/${encodeURIComponent(notebook)}` : "tree";
  return `${base}/${page}?token=${token}`;
}

/**
 * @param {string} url
 * @returns {Promise<"answers" | "silent">}
 */
async function answers(url) {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
      await response.arrayBuffer();
      if (response.ok) return "answers";
    } catch {
      // not listening yet
    }
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  return "silent";
}
