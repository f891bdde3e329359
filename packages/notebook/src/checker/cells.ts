/**
 * Cells as TypeScript modules: each begins with one line that imports every name of the cells before it, from the last
 * cell that declares it, which is how the kernel sees them: a name declared again later is a new name. Works on plain
 * texts with whatever compiler it is given, so that the checker in Node and the editor in the page say the same.
 */
import type ts from "typescript";
import { adaptSource } from "../kernel/source.js";

/** A code cell to be checked. */
export interface CellText {
  /** The name of its module, ending in `.ts`; all cells of a notebook are in one folder. */
  readonly fileName: string;
  readonly source: string;
  /** True if the cell is meant to fail: it may be wrong, and what it declares is not there afterwards. */
  readonly mayFail: boolean;
}

/** A code cell as a module of a program. */
export interface CellModule {
  readonly cell: CellText;
  /** The module's text. */
  readonly text: string;
  /** Names of earlier cells, with the file that declares each. */
  readonly earlier: ReadonlyMap<string, string>;
  /** The cell's names that a function of its own mentions: such a function goes on seeing them. */
  readonly captured: ReadonlySet<string>;
  /** Forms that cells cannot use. */
  readonly refusals: readonly CellDiagnostic[];
  /** The offset in the cell's source of one in the module; `undefined` in what was put round the cell. */
  readonly toSource: (offset: number) => number | undefined;
  /** The offset in the module of one in the cell's source. */
  readonly toText: (offset: number) => number;
}

/** Something wrong in a cell. */
export interface CellDiagnostic {
  /** Offset in the cell's source, in UTF-16 units. */
  readonly start: number;
  readonly length: number;
  /** What is wrong; may have several lines. */
  readonly message: string;
  /** TypeScript's number of the error, or `undefined` for a form that cells cannot use. */
  readonly code: number | undefined;
}

/** How cells are checked; `types` and `typeRoots` are where a program runs. */
export function cellCompilerOptions(compiler: typeof ts): ts.CompilerOptions {
  return {
    target: compiler.ScriptTarget.ES2022,
    lib: ["lib.es2023.d.ts"],
    module: compiler.ModuleKind.ESNext,
    moduleResolution: compiler.ModuleResolutionKind.Bundler,
    moduleDetection: compiler.ModuleDetectionKind.Force,
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
}

/** The modules of one notebook's cells, in its order. */
export function cellModules(compiler: typeof ts, cells: readonly CellText[]): CellModule[] {
  const declared = new Map<string, string>();
  return cells.map((cell) => {
    const { fileName, source, mayFail } = cell;
    const adapted = adaptSource(compiler, source);
    const parsed = compiler.createSourceFile(fileName, adapted.code, compiler.ScriptTarget.Latest, true);
    const own = declaredNames(compiler, parsed);
    const earlier = new Map([...declared].filter(([name]) => !own.has(name)));
    const head = [...earlier]
      .map(([name, from]) => `import { ${name} } from ${JSON.stringify(`./${moduleName(from)}`)}; `)
      .join("");
    const end = head.length + adapted.code.length;
    const module: CellModule = {
      cell,
      text: `${head}${adapted.code}\n;export { ${[...own].join(", ")} };\n`,
      earlier,
      captured: capturedNames(compiler, parsed, own),
      refusals: mayFail
        ? []
        : adapted.refusals.map(({ start, length, reason }) => ({ start, length, message: reason, code: undefined })),
      toSource: (offset) =>
        offset < head.length || offset > end
          ? undefined
          : Math.min(source.length, adapted.originalOffset(offset - head.length)),
      toText: (offset) => head.length + adaptedOffset(adapted, offset),
    };
    if (!mayFail) for (const name of own) declared.set(name, fileName);
    return module;
  });
}

/**
 * What is wrong in one cell, in the order of its text; nothing if it may fail.
 *
 * @param program one that holds the text of every module of `modules` under its cell's file name
 */
export function cellDiagnostics(
  compiler: typeof ts,
  program: ts.Program,
  modules: readonly CellModule[],
  module: CellModule,
): CellDiagnostic[] {
  const file = program.getSourceFile(module.cell.fileName);
  if (module.cell.mayFail || file === undefined) return [];
  const found = [...module.refusals];
  const add = (start: number, end: number, code: number | undefined, message: string): void => {
    const from = module.toSource(start);
    if (from !== undefined) {
      found.push({ start: from, length: Math.max(0, (module.toSource(end) ?? from) - from), message, code });
    }
  };
  const syntactic = program.getSyntacticDiagnostics(file);
  // An unfinished cell swallows the line after it; what the types of that would be says nothing.
  const diagnostics = syntactic.length > 0 ? syntactic : program.getSemanticDiagnostics(file);
  const end = module.toText(module.cell.source.length);
  let unfinished = false;
  for (const diagnostic of diagnostics) {
    const start = Math.min(end, diagnostic.start ?? 0);
    if (start === end && unfinished) continue;
    unfinished ||= start === end;
    const stop = start + (diagnostic.length ?? 0);
    if (diagnostic.code === assignedImport) {
      const name = file.text.slice(start, stop);
      const declaredIn = module.earlier.get(name);
      if (declaredIn !== undefined) {
        const declarer = modules.find(({ cell }) => cell.fileName === declaredIn);
        if (declarer?.captured.has(name) !== true) continue;
        add(
          start,
          stop,
          undefined,
          `\`${name}\` belongs to an earlier cell, and a function of that cell uses it: it would go on seeing the old value. ` +
            "Declare a new variable, or keep the value in an object and change the object",
        );
        continue;
      }
    }
    const text = compiler.flattenDiagnosticMessageText(diagnostic.messageText, "\n");
    add(start, stop, diagnostic.code, explainLibrary(text));
  }
  const checker = program.getTypeChecker();
  for (const statement of file.statements) {
    if (compiler.isExpressionStatement(statement) && isPromise(compiler, checker, statement.expression)) {
      add(
        statement.getStart(file),
        statement.expression.getEnd(),
        undefined,
        "this promise is not waited for: put `await` before it (or `void`, if it must go on by itself)",
      );
    }
  }
  return found.sort((a, b) => a.start - b.start);
}

/** "Cannot assign to 'x' because it is an import." */
const assignedImport = 2632;

function adaptedOffset(adapted: ReturnType<typeof adaptSource>, offset: number): number {
  // Adapting only ever inserts, so the place sought is at or after `offset`, and the way back never goes down.
  let [low, high] = [offset, adapted.code.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (adapted.originalOffset(middle) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function moduleName(fileName: string): string {
  return fileName.split(/[\\/]/).at(-1)!.replace(/\.ts$/, "");
}

/** The names a cell declares at its top level: values, types and imports. */
function declaredNames(compiler: typeof ts, file: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  const addBinding = (name: ts.BindingName): void => {
    if (compiler.isIdentifier(name)) names.add(name.text);
    else for (const element of name.elements) if (compiler.isBindingElement(element)) addBinding(element.name);
  };
  for (const statement of file.statements) {
    if (compiler.isVariableStatement(statement)) {
      for (const declaration of statement.declarationList.declarations) addBinding(declaration.name);
    } else if (
      (compiler.isFunctionDeclaration(statement) ||
        compiler.isClassDeclaration(statement) ||
        compiler.isInterfaceDeclaration(statement) ||
        compiler.isTypeAliasDeclaration(statement) ||
        compiler.isEnumDeclaration(statement) ||
        compiler.isModuleDeclaration(statement)) &&
      statement.name !== undefined &&
      compiler.isIdentifier(statement.name)
    ) {
      names.add(statement.name.text);
    } else if (compiler.isImportDeclaration(statement)) {
      const clause = statement.importClause;
      if (clause?.name !== undefined) names.add(clause.name.text);
      const bindings = clause?.namedBindings;
      if (bindings === undefined) continue;
      if (compiler.isNamespaceImport(bindings)) names.add(bindings.name.text);
      else for (const element of bindings.elements) names.add(element.name.text);
    }
  }
  // A name still being typed.
  names.delete("");
  return names;
}

/** Which of a cell's own names a function in it mentions. */
function capturedNames(compiler: typeof ts, file: ts.SourceFile, own: ReadonlySet<string>): Set<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node, inFunction: boolean): void => {
    if (inFunction && compiler.isIdentifier(node) && own.has(node.text)) names.add(node.text);
    const enters = compiler.isFunctionLike(node) || compiler.isClassLike(node);
    compiler.forEachChild(node, (child) => visit(child, inFunction || enters));
  };
  visit(file, false);
  return names;
}

function isPromise(compiler: typeof ts, checker: ts.TypeChecker, expression: ts.Expression): boolean {
  if (compiler.isVoidExpression(expression) || compiler.isAwaitExpression(expression)) return false;
  if (compiler.isBinaryExpression(expression) && expression.operatorToken.kind === compiler.SyntaxKind.EqualsToken) {
    return false;
  }
  const type = checker.getTypeAtLocation(expression);
  return !(type.flags & compiler.TypeFlags.Any) && type.getProperty("then") !== undefined;
}

/** TypeScript's advice to change a compiler option or to install something helps nobody in a cell. */
function explainLibrary(message: string): string {
  return message
    .replace(
      /Do you need to change your target library\? Try changing the 'lib' compiler option to .*$/,
      "Cells have the library of Node 20 (ES2023), without the browser's.",
    )
    .replace(
      /Do you need to install type definitions for node\? .*$/,
      "In the page, cells have none of Node's modules.",
    );
}
