import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { browserCommand } from "../../scripts/browser.mjs";
import { findJupyter, jupyterEnvironment } from "../../scripts/jupyter.mjs";
import { ROOT } from "../../scripts/repository.mjs";
import { findProgram } from "../../scripts/tools.mjs";

let folder: string;
const program = (name: string, mode = 0o755): string => {
  const file = path.join(folder, name);
  writeFileSync(file, "#!/bin/sh\n");
  chmodSync(file, mode);
  return file;
};
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "machine-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("a program is found", () => {
  test("in the first folder of the path that has it", () => {
    const file = program("conntrack");
    expect(findProgram("conntrack", `/nonexistent${path.delimiter}${folder}`)).toBe(file);
  });

  test("only where it can be run and is a file", () => {
    program("not-executable", 0o644);
    mkdirSync(path.join(folder, "a-folder"));
    expect([findProgram("not-executable", folder), findProgram("a-folder", folder)]).toEqual([undefined, undefined]);
  });
});

describe("Jupyter", () => {
  test("is Lab before Notebook, and either alone will do", () => {
    expect(findJupyter(folder)).toBeUndefined();
    const notebook = program("jupyter-notebook");
    expect(findJupyter(folder)).toMatchObject({ file: notebook, name: "Jupyter Notebook" });
    const lab = program("jupyter-lab");
    expect(findJupyter(folder)).toMatchObject({ file: lab, name: "JupyterLab" });
  });

  test("writes only inside the checkout, and finds our kernel before others", () => {
    const env = jupyterEnvironment({ PATH: "/usr/bin", JUPYTER_PATH: "/theirs" });
    const { PATH, JUPYTER_PATH, ...places } = env;
    expect(PATH).toBe(`${path.dirname(process.execPath)}${path.delimiter}/usr/bin`);
    expect(JUPYTER_PATH).toBe(`${path.join(ROOT, "packages/notebook/jupyter")}${path.delimiter}/theirs`);
    expect(Object.keys(places)).toEqual(
      expect.arrayContaining(["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"]),
    );
    for (const place of Object.values(places)) expect(place).toMatch(path.join(ROOT, ".cache"));
  });
});

describe("a browser is opened", () => {
  test("by the system's own opener, and on Linux only where there is a screen", () => {
    const opener = program("xdg-open");
    expect(browserCommand("darwin", {})).toEqual(["open", []]);
    expect(browserCommand("linux", { PATH: folder })).toBeUndefined();
    expect(browserCommand("linux", { PATH: folder, DISPLAY: ":0" })).toEqual([opener, []]);
    expect(browserCommand("linux", { PATH: "/nonexistent", WAYLAND_DISPLAY: "wayland-0" })).toBeUndefined();
  });
});
