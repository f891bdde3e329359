/**
 * The types of a lesson's cells as one types: completion, explanation, errors, across cells. TypeScript's language
 * service over files that exist only in memory: a module for each cell (`checker/cells.ts` of the notebook package
 * makes them, as it does for the checker), the language's library and our packages' declarations. Runs no cell.
 */
import {
  type CellDiagnostic,
  type CellModule,
  cellCompilerOptions,
  cellDiagnostics,
  cellModules,
} from "@netfilter-lab/notebook/cells";
import type ts from "typescript";
import type { CellTypes, Completions, EditedCell, Explanation } from "./protocol.js";

/** Declaration files by their absolute names; `lib.*.d.ts` in `/lib`, packages in `/node_modules`. */
export type Library = Readonly<Record<string, string>>;

/** The language service of one page. */
export function createCellTypes(compiler: typeof ts, library: Library): CellTypes {
  const options: ts.CompilerOptions = { ...cellCompilerOptions(compiler), types: [] };
  const globals = Object.keys(library).filter((name) => /^\/[^/]+\.d\.ts$/.test(name));
  const folders = new Set<string>();
  for (const name of Object.keys(library)) {
    for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1)) folders.add(name.slice(0, at));
  }
  let modules: readonly CellModule[] = [];
  let byFile = new Map<string, CellModule>();
  const versions = new Map<string, { text: string; version: number }>();

  const read = (name: string): string | undefined =>
    byFile.get(name)?.text ?? (Object.hasOwn(library, name) ? library[name] : undefined);
  const host: ts.LanguageServiceHost = {
    getCompilationSettings: () => options,
    getScriptFileNames: () => [...globals, ...byFile.keys()],
    getScriptVersion: (name) => String(versions.get(name)?.version ?? 0),
    getScriptSnapshot: (name) => {
      const text = read(name);
      return text === undefined ? undefined : compiler.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => "/",
    getDefaultLibFileName: () => "/lib/lib.es2023.d.ts",
    useCaseSensitiveFileNames: () => true,
    fileExists: (name) => read(name) !== undefined,
    readFile: read,
    directoryExists: (name) => name === "/" || name === "/cells" || folders.has(name),
    getDirectories: () => [],
  };
  const service = compiler.createLanguageService(host);

  const moduleOf = (id: string): CellModule => {
    const module = byFile.get(fileNameOf(id));
    if (module === undefined) throw new Error(`there is no cell ${id}`);
    return module;
  };
  const explanation = (
    module: CellModule,
    start: number,
    end: number,
    parts: readonly ts.SymbolDisplayPart[] | undefined,
    documentation: readonly ts.SymbolDisplayPart[] | undefined,
    tags: readonly ts.JSDocTagInfo[] | undefined,
  ): Explanation => ({
    start: module.toSource(start) ?? 0,
    end: module.toSource(end) ?? 0,
    // How the name came here from another cell says nothing to the reader.
    signature: compiler
      .displayPartsToString([...(parts ?? [])])
      .replace(/^\(alias\) /, "")
      .replace(/\nimport [\w$]+$/, ""),
    documentation: [
      compiler.displayPartsToString([...(documentation ?? [])]),
      ...(tags ?? []).filter(({ name }) => shownTags.has(name)).map((tag) => tagText(compiler, tag)),
    ]
      .filter((text) => text !== "")
      .join("\n\n"),
  });

  return {
    update(cells) {
      modules = cellModules(compiler, cells.map(cellText));
      byFile = new Map(modules.map((module) => [module.cell.fileName, module]));
      for (const { cell, text } of modules) {
        const known = versions.get(cell.fileName);
        if (known?.text !== text) versions.set(cell.fileName, { text, version: (known?.version ?? 0) + 1 });
      }
    },
    diagnostics(id): readonly CellDiagnostic[] {
      return cellDiagnostics(compiler, service.getProgram()!, modules, moduleOf(id));
    },
    complete(id, offset): Completions | undefined {
      const module = moduleOf(id);
      const found = service.getCompletionsAtPosition(module.cell.fileName, module.toText(offset), {
        includeCompletionsWithInsertText: false,
      });
      if (found === undefined) return undefined;
      const word = /[\w$]*$/.exec(module.cell.source.slice(0, offset))![0];
      return {
        from: offset - word.length,
        entries: found.entries
          .filter(({ kind }) => kind !== compiler.ScriptElementKind.warning)
          .map(({ name, kind, sortText }) => ({ label: name, kind, sortText })),
      };
    },
    describe(id, offset, name): Explanation | undefined {
      const module = moduleOf(id);
      const at = module.toText(offset);
      const details = service.getCompletionEntryDetails(
        module.cell.fileName,
        at,
        name,
        undefined,
        undefined,
        undefined,
        undefined,
      );
      if (details === undefined) return undefined;
      return explanation(module, at, at, details.displayParts, details.documentation, details.tags);
    },
    explain(id, offset): Explanation | undefined {
      const module = moduleOf(id);
      const info = service.getQuickInfoAtPosition(module.cell.fileName, module.toText(offset));
      if (info === undefined) return undefined;
      const { start, length } = info.textSpan;
      return explanation(module, start, start + length, info.displayParts, info.documentation, info.tags);
    },
  };
}

/** Of a doc comment's tags, those a reader of a lesson has use for. */
const shownTags = new Set(["param", "returns", "throws", "deprecated", "example", "see"]);

function tagText(compiler: typeof ts, { name, text }: ts.JSDocTagInfo): string {
  return `*@${name}* ${compiler.displayPartsToString([...(text ?? [])])}`.trim();
}

function fileNameOf(id: string): string {
  return `/cells/${id}.ts`;
}

function cellText({ id, source, tags }: EditedCell): { fileName: string; source: string; mayFail: boolean } {
  return { fileName: fileNameOf(id), source, mayFail: tags.includes("raises-exception") };
}
