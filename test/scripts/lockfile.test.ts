import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

type Locked = {
  resolved?: string;
  link?: boolean;
  integrity?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
};

const { packages }: { packages: Record<string, Locked> } = JSON.parse(
  readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8"),
);

/** Whether Node, looking from a package's folder upwards, would find the dependency. */
const isLocked = (from: string, name: string): boolean => {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/")))) {
    if (packages[`${folder === "" ? "" : `${folder}/`}node_modules/${name}`]) return true;
    if (folder === "") return false;
  }
};

describe("package-lock.json", () => {
  test("holds every dependency, other systems' binaries too: npm ci refuses it otherwise", () => {
    const missing = Object.entries(packages).flatMap(([from, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !isLocked(from, name))
        .map((name) => `${name}, wanted by ${from || "the workspace"}`),
    );
    expect(missing).toEqual([]);
  });

  test("names no registry, so that everyone's own is asked, and pins every content", () => {
    const strangers = Object.entries(packages).filter(([place, { link, resolved, integrity }]) => {
      if (!place.includes("node_modules/") || link) return false;
      return resolved !== undefined || integrity === undefined;
    });
    expect(strangers).toEqual([]);
  });
});
