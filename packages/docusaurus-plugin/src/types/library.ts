/**
 * The declarations that the editor's types are made of, gathered when the site is built from what the compiler loads
 * for a cell that imports our packages: the language's library, our packages' own declarations, and what cells find in
 * the page. Nothing of it is written down anywhere by hand.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { cellCompilerOptions } from "@netfilter-lab/notebook/cells";
import ts from "typescript";
import type { Library } from "./service.js";

/**
 * Gathers the library.
 *
 * @param packages names of packages that cells may import
 * @param siteDir where those packages are resolved from
 * @throws Error if a package's declarations are missing: the packages have to be built first
 */
export function gatherLibrary(packages: readonly string[], siteDir: string): Library {
  const here = dirname(createRequire(import.meta.url).resolve("@netfilter-lab/notebook/package.json"));
  const require = createRequire(join(siteDir, "package.json"));
  const entry = join(siteDir, "every-package.ts");
  const text = packages.map((name) => `import ${JSON.stringify(name)};\n`).join("");
  const options: ts.CompilerOptions = { ...cellCompilerOptions(ts), types: [] };
  const host = ts.createCompilerHost(options);
  const readFile = host.readFile.bind(host);
  const fileExists = host.fileExists.bind(host);
  const getSourceFile = host.getSourceFile.bind(host);
  host.readFile = (name) => (name === entry ? text : readFile(name));
  host.fileExists = (name) => name === entry || fileExists(name);
  host.getSourceFile = (name, ...rest) =>
    name === entry ? ts.createSourceFile(name, text, ts.ScriptTarget.Latest) : getSourceFile(name, ...rest);
  const program = ts.createProgram([entry], options, host);
  const library: Record<string, string> = {};
  const owners = packages.map((name) => {
    const path = require.resolve(`${name}/package.json`);
    library[`/node_modules/${name}/package.json`] = readFileSync(path, "utf8");
    return { name, folder: dirname(path) };
  });
  for (const file of program.getSourceFiles()) {
    if (file.fileName === entry) continue;
    const name = virtualName(program, file, owners);
    if (name === undefined) throw new Error(`${file.fileName} belongs to no package that cells may import`);
    library[name] = file.text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n");
  }
  for (const { name, folder } of owners) {
    if (!Object.keys(library).some((file) => file.startsWith(`/node_modules/${name}/`) && file.endsWith(".d.ts"))) {
      throw new Error(`${name} has no declarations in ${folder}: build the packages first`);
    }
  }
  for (const name of ["cell-globals.d.ts", "page-globals.d.ts"]) {
    library[`/${name}`] = readFileSync(join(here, name), "utf8");
  }
  return library;
}

function virtualName(
  program: ts.Program,
  file: ts.SourceFile,
  owners: readonly { readonly name: string; readonly folder: string }[],
): string | undefined {
  if (program.isSourceFileDefaultLibrary(file)) return `/lib/${basename(file.fileName)}`;
  const owner = owners.find(({ folder }) => file.fileName.startsWith(`${folder.replaceAll("\\", "/")}/`));
  return owner === undefined ? undefined : `/node_modules/${owner.name}${file.fileName.slice(owner.folder.length)}`;
}
