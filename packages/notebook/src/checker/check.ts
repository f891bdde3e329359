/**
 * Type-checks the cells of notebooks, strictly, by the project's TypeScript. Each cell becomes a module that imports
 * what it uses of the cells before it, which is how the kernel sees them: a name declared again later is a new name.
 * On top of TypeScript's own errors come the forms that cells cannot use. Cells tagged `raises-exception` may be wrong.
 */
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { adaptSource } from "../kernel/source.js";
import { type CodeCell, hasTag, type Notebook } from "../notebook/model.js";
import { positionOf } from "../notebook/source-error.js";

/** Something wrong in a cell's code. */
export interface CellProblem {
  readonly path: string;
  /** The cell's place among all cells of the notebook, counted from 0. */
  readonly index: number;
  /** Line and column in the cell, counted from 1. */
  readonly line: number;
  readonly column: number;
  /** What is wrong; may have several lines. */
  readonly message: string;
  /** TypeScript's number of the error, or `undefined` for a form that cells cannot use. */
  readonly code: number | undefined;
}

/** A code cell as a module of the program. */
interface CellModule {
  readonly notebook: Notebook;
  readonly index: number;
  readonly cell: CodeCell;
  readonly fileName: string;
  readonly code: string;
  readonly originalOffset: (offset: number) => number;
  /** One line put before the cell's code: its imports of earlier cells' names. */
  readonly head: string;
  readonly text: string;
  /** Names of earlier cells this one may use, with the file that declares each. */
  readonly earlier: ReadonlyMap<string, string>;
}

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ["lib.es2023.d.ts"],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  moduleDetection: ts.ModuleDetectionKind.Force,
  types: ["node"],
  // A notebook outside the repository has Node's types all the same.
  typeRoots: [dirname(dirname(createRequire(import.meta.url).resolve("@types/node/package.json")))],
  strict: true,
  noFallthroughCasesInSwitch: true,
  noImplicitOverride: true,
  noImplicitReturns: true,
  allowUnreachableCode: true,
  esModuleInterop: true,
  resolveJsonModule: true,
  skipLibCheck: true,
  noEmit: true,
};

const globalsFile = fileURLToPath(new URL("../../cell-globals.d.ts", import.meta.url));

/** Checks the cells of all notebooks in one program. Problems come in the notebooks' order, then by place. */
export function checkNotebooks(notebooks: readonly Notebook[]): CellProblem[] {
  const problems: CellProblem[] = [];
  const modules = notebooks.flatMap((notebook) => modulesOf(notebook, problems));
  const byFile = new Map(modules.map((module) => [module.fileName, module]));
  const first = notebooks[0];
  if (first === undefined) return [];
  const host = ts.createCompilerHost(options, true);
  const readFile = host.readFile.bind(host);
  const fileExists = host.fileExists.bind(host);
  const getSourceFile = host.getSourceFile.bind(host);
  const base = dirname(resolve(first.path));
  host.getCurrentDirectory = () => base;
  host.readFile = (name) => byFile.get(name)?.text ?? readFile(name);
  host.fileExists = (name) => byFile.has(name) || fileExists(name);
  host.getSourceFile = (name, ...rest) => {
    const module = byFile.get(name);
    return module === undefined
      ? getSourceFile(name, ...rest)
      : ts.createSourceFile(name, module.text, ts.ScriptTarget.Latest, true);
  };
  const program = ts.createProgram([globalsFile, ...byFile.keys()], options, host);
  const checker = program.getTypeChecker();
  const captured = capturedNames(modules);

  for (const module of modules) {
    if (hasTag(module.cell, "raises-exception")) continue;
    const file = program.getSourceFile(module.fileName)!;
    const add = (position: number, code: number | undefined, message: string): void => {
      const { line, column } = positionOf(module.cell.source, module.originalOffset(position - module.head.length));
      problems.push({ path: module.notebook.path, index: module.index, line, column, message, code });
    };
    for (const diagnostic of [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]) {
      const start = diagnostic.start ?? 0;
      if (start < module.head.length) continue;
      if (diagnostic.code === assignedImport) {
        const name = file.text.slice(start, start + (diagnostic.length ?? 0));
        const declaredIn = module.earlier.get(name);
        if (declaredIn !== undefined) {
          if (captured.get(declaredIn)?.has(name) !== true) continue;
          add(
            start,
            undefined,
            `\`${name}\` belongs to an earlier cell, and a function of that cell uses it: it would go on seeing the old value. ` +
              "Declare a new variable, or keep the value in an object and change the object",
          );
          continue;
        }
      }
      const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n");
      add(start, diagnostic.code, explainLibrary(text));
    }
    for (const statement of file.statements) {
      if (ts.isExpressionStatement(statement) && isPromise(checker, statement.expression)) {
        add(
          statement.getStart(file),
          undefined,
          "this promise is not waited for: put `await` before it (or `void`, if it must go on by itself)",
        );
      }
    }
  }
  const order = new Map(notebooks.map((notebook, index) => [notebook.path, index]));
  return problems.sort(
    (a, b) => order.get(a.path)! - order.get(b.path)! || a.index - b.index || a.line - b.line || a.column - b.column,
  );
}

/** "Cannot assign to 'x' because it is an import." */
const assignedImport = 2632;

function modulesOf(notebook: Notebook, problems: CellProblem[]): CellModule[] {
  const path = resolve(notebook.path);
  const modules: CellModule[] = [];
  const declared = new Map<string, string>();
  for (const [index, cell] of notebook.cells.entries()) {
    if (cell.type !== "code") continue;
    const adapted = adaptSource(ts, cell.source);
    if (!hasTag(cell, "raises-exception")) {
      for (const refusal of adapted.refusals) {
        const position = positionOf(cell.source, refusal.start);
        problems.push({ path: notebook.path, index, ...position, message: refusal.reason, code: undefined });
      }
    }
    const fileName = join(dirname(path), `.${path.split(/[\\/]/).at(-1)}.cell-${index + 1}.ts`);
    const parsed = ts.createSourceFile(fileName, adapted.code, ts.ScriptTarget.Latest, true);
    const own = declaredNames(parsed);
    const earlier = new Map([...declared].filter(([name]) => !own.has(name)));
    const used = [...earlier].filter(([name]) => mentions(parsed, name));
    const head = used
      .map(([name, from]) => `import { ${name} } from ${JSON.stringify(`./${moduleName(from)}`)}; `)
      .join("");
    const text = `${head}${adapted.code}\nexport { ${[...own].join(", ")} };\n`;
    const module: CellModule = {
      notebook,
      index,
      cell,
      fileName,
      code: adapted.code,
      originalOffset: (offset) => Math.min(cell.source.length, adapted.originalOffset(offset)),
      head,
      text,
      earlier,
    };
    modules.push(module);
    // What a failing cell declares is not there afterwards.
    if (!hasTag(cell, "raises-exception")) for (const name of own) declared.set(name, fileName);
  }
  return modules;
}

function moduleName(fileName: string): string {
  return fileName.split(/[\\/]/).at(-1)!.replace(/\.ts$/, "");
}

/** The names a cell declares at its top level: values, types and imports. */
function declaredNames(file: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  const addBinding = (name: ts.BindingName): void => {
    if (ts.isIdentifier(name)) names.add(name.text);
    else for (const element of name.elements) if (ts.isBindingElement(element)) addBinding(element.name);
  };
  for (const statement of file.statements) {
    if (ts.isVariableStatement(statement)) {
      for (const declaration of statement.declarationList.declarations) addBinding(declaration.name);
    } else if (
      (ts.isFunctionDeclaration(statement) ||
        ts.isClassDeclaration(statement) ||
        ts.isInterfaceDeclaration(statement) ||
        ts.isTypeAliasDeclaration(statement) ||
        ts.isEnumDeclaration(statement) ||
        ts.isModuleDeclaration(statement)) &&
      statement.name !== undefined &&
      ts.isIdentifier(statement.name)
    ) {
      names.add(statement.name.text);
    } else if (ts.isImportDeclaration(statement)) {
      const clause = statement.importClause;
      if (clause?.name !== undefined) names.add(clause.name.text);
      const bindings = clause?.namedBindings;
      if (bindings === undefined) continue;
      if (ts.isNamespaceImport(bindings)) names.add(bindings.name.text);
      else for (const element of bindings.elements) names.add(element.name.text);
    }
  }
  return names;
}

function mentions(file: ts.SourceFile, name: string): boolean {
  const visit = (node: ts.Node): boolean =>
    (ts.isIdentifier(node) && node.text === name) ||
    ts.forEachChild(node, (child) => visit(child) || undefined) === true;
  return visit(file);
}

/** By file: the names declared in it that a function in it mentions. */
function capturedNames(modules: readonly CellModule[]): Map<string, Set<string>> {
  return new Map(
    modules.map((module) => {
      const file = ts.createSourceFile(module.fileName, module.code, ts.ScriptTarget.Latest, true);
      const own = declaredNames(file);
      const names = new Set<string>();
      const visit = (node: ts.Node, inFunction: boolean): void => {
        if (inFunction && ts.isIdentifier(node) && own.has(node.text)) names.add(node.text);
        const enters = ts.isFunctionLike(node) || ts.isClassLike(node);
        ts.forEachChild(node, (child) => visit(child, inFunction || enters));
      };
      visit(file, false);
      return [module.fileName, names];
    }),
  );
}

function isPromise(checker: ts.TypeChecker, expression: ts.Expression): boolean {
  if (ts.isVoidExpression(expression) || ts.isAwaitExpression(expression)) return false;
  if (ts.isBinaryExpression(expression) && expression.operatorToken.kind === ts.SyntaxKind.EqualsToken) return false;
  const type = checker.getTypeAtLocation(expression);
  return !(type.flags & ts.TypeFlags.Any) && type.getProperty("then") !== undefined;
}

/** TypeScript's advice to change a compiler option helps nobody in a cell. */
function explainLibrary(message: string): string {
  return message.replace(
    /Do you need to change your target library\? Try changing the 'lib' compiler option to .*$/,
    "Cells have the library of Node 20 (ES2023), without the browser's.",
  );
}
