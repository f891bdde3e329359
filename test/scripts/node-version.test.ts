import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { MINIMUM, nodeVersionProblem } from "../../scripts/node-version.cjs";

const script = (name: string): string => fileURLToPath(new URL(`../../scripts/${name}`, import.meta.url));

describe("the Node version", () => {
  test.each(["v20.19.0", "v20.20.2", "v21.0.0", "v22.1.0", "v100.0.0"])("%s will do", (version) => {
    expect(nodeVersionProblem(version)).toBeUndefined();
  });

  test.each(["v0.10.48", "v8.17.0", "v18.20.4", "v20.18.3", "v20.9.0"])("%s is told what is needed", (version) => {
    expect(nodeVersionProblem(version)).toContain(
      `netfilter-lab needs Node 20.19 or newer, and this is Node ${version.slice(1)}.`,
    );
  });

  test("is the one that package.json asks for", () => {
    const { engines } = JSON.parse(readFileSync(script("../package.json"), "utf8")) as { engines: { node: string } };
    expect(engines.node).toBe(`>=${MINIMUM.join(".")}`);
  });

  test("is looked at before anything else is loaded", () => {
    const old = `Object.defineProperty(process, "version", { value: "v12.22.12" }); require(${JSON.stringify(script("main.cjs"))});`;
    const { status, stdout, stderr } = spawnSync(process.execPath, ["-e", old], { encoding: "utf8" });
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: "",
      stderr: `${nodeVersionProblem("v12.22.12")}\n`,
    });
  });

  test.each(["main.cjs", "node-version.cjs"])("%s is in syntax that any Node parses", (name) => {
    const code = readFileSync(script(name), "utf8").replaceAll(/\/\*[\s\S]*?\*\//g, "");
    expect(code).not.toMatch(/\b(?:const|let|class|async|await|import)\b|=>|`|\?\.|\?\?|\.\.\./);
  });
});
