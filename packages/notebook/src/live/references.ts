/**
 * Which names a cell uses without declaring them, found by walking its syntax tree with the scopes of JavaScript. Those
 * are what earlier cells, or the page's own globals, have to give.
 */
import type { AnyNode, Function as FunctionNode, Identifier, Pattern, Program } from "acorn";

/** A use of a name from outside the cell. */
export interface FreeName {
  readonly name: string;
  /** Offset in the code that was parsed. */
  readonly start: number;
  /**
   * How it is written: `{ name }`, where a replacement must keep the key; as what is called, where a replacement must
   * not become a method call; that at a statement's beginning, where a parenthesis could be taken for a call of what
   * stands before it; or any other way.
   */
  readonly form: "shorthand" | "called" | "called first" | "other";
}

/** Every use of a name the program does not declare, in order. */
export function freeNames(program: Program): FreeName[] {
  const found: FreeName[] = [];
  const scope: Scope = { names: new Set(), outer: undefined };
  declare(program.body, scope, scope);
  visitList(program.body, scope, found);
  return found.sort((a, b) => a.start - b.start);
}

/** The names a pattern binds. */
export function boundNames(pattern: Pattern): string[] {
  switch (pattern.type) {
    case "Identifier":
      return [pattern.name];
    case "ObjectPattern":
      return pattern.properties.flatMap((property) =>
        boundNames(property.type === "RestElement" ? property.argument : property.value),
      );
    case "ArrayPattern":
      return pattern.elements.flatMap((element) => (element === null ? [] : boundNames(element)));
    case "AssignmentPattern":
      return boundNames(pattern.left);
    case "RestElement":
      return boundNames(pattern.argument);
    default:
      return [];
  }
}

interface Scope {
  readonly names: Set<string>;
  readonly outer: Scope | undefined;
}

function isBound(scope: Scope | undefined, name: string): boolean {
  for (let at = scope; at !== undefined; at = at.outer) if (at.names.has(name)) return true;
  return false;
}

/** Enters what the statements declare: `var` into the function's scope from however deep, the rest into the block's. */
function declare(nodes: readonly AnyNode[], block: Scope, ofFunction: Scope): void {
  for (const node of nodes) {
    if (node.type === "ExportNamedDeclaration" && node.declaration) {
      declare([node.declaration], block, ofFunction);
    } else if (node.type === "VariableDeclaration" && node.kind !== "var") {
      for (const { id } of node.declarations) for (const name of boundNames(id)) block.names.add(name);
    } else if (node.type === "ClassDeclaration" || node.type === "FunctionDeclaration") {
      if (node.id !== null) block.names.add(node.id.name);
    } else if (node.type === "ImportDeclaration") {
      for (const { local } of node.specifiers) block.names.add(local.name);
    }
    declareVars(node, ofFunction);
  }
}

function declareVars(node: AnyNode, ofFunction: Scope): void {
  if (isFunction(node) || node.type === "ClassDeclaration" || node.type === "ClassExpression") return;
  if (node.type === "VariableDeclaration" && node.kind === "var") {
    for (const { id } of node.declarations) for (const name of boundNames(id)) ofFunction.names.add(name);
  }
  for (const child of children(node)) declareVars(child, ofFunction);
}

function visit(node: AnyNode, scope: Scope, found: FreeName[]): void {
  const go = (...nodes: readonly (AnyNode | null | undefined)[]): void => {
    for (const each of nodes) if (each) visit(each, scope, found);
  };
  const inside = (names: readonly string[]): Scope => ({ names: new Set(names), outer: scope });
  if (isFunction(node)) {
    visitFunction(node, scope, found);
    return;
  }
  switch (node.type) {
    case "Identifier":
      use(node, scope, found, "other");
      return;
    case "ImportDeclaration":
    case "ExportAllDeclaration":
    case "BreakStatement":
    case "ContinueStatement":
    case "MetaProperty":
      return;
    case "ExportNamedDeclaration":
      go(node.declaration);
      return;
    case "LabeledStatement":
      go(node.body);
      return;
    case "MemberExpression":
      go(node.object, node.computed ? node.property : undefined);
      return;
    case "MethodDefinition":
    case "PropertyDefinition":
      go(node.computed ? node.key : undefined, node.value);
      return;
    case "Property":
      if (node.shorthand) {
        // `{ name }`, or `{ name = value }` in a pattern.
        const { value } = node;
        const target = value.type === "AssignmentPattern" ? (value as unknown as { left: AnyNode }).left : value;
        if (target.type === "Identifier") use(target, scope, found, "shorthand");
        if (value.type === "AssignmentPattern") go((value as unknown as { right: AnyNode }).right);
      } else go(node.computed ? node.key : undefined, node.value);
      return;
    case "VariableDeclaration":
      for (const { id, init } of node.declarations) {
        visitBinding(id, scope, found);
        go(init);
      }
      return;
    case "CallExpression":
      if (node.callee.type === "Identifier") use(node.callee, scope, found, "called");
      else go(node.callee);
      go(...node.arguments);
      return;
    case "TaggedTemplateExpression":
      if (node.tag.type === "Identifier") use(node.tag, scope, found, "called");
      else go(node.tag);
      go(node.quasi);
      return;
    case "ClassDeclaration":
    case "ClassExpression": {
      const own = inside(node.id ? [node.id.name] : []);
      if (node.superClass) visit(node.superClass, own, found);
      visit(node.body, own, found);
      return;
    }
    case "BlockStatement":
    case "StaticBlock": {
      const own = inside([]);
      declare(node.body, own, own);
      visitList(node.body, own, found);
      return;
    }
    case "SwitchCase":
      go(node.test);
      visitList(node.consequent, scope, found);
      return;
    case "SwitchStatement": {
      go(node.discriminant);
      const own = inside([]);
      for (const { consequent } of node.cases) declare(consequent, own, own);
      for (const each of node.cases) visit(each, own, found);
      return;
    }
    case "ForStatement":
    case "ForInStatement":
    case "ForOfStatement": {
      const own = inside([]);
      const head = node.type === "ForStatement" ? node.init : node.left;
      if (head?.type === "VariableDeclaration") declare([head], own, own);
      for (const child of children(node)) visit(child, own, found);
      return;
    }
    case "CatchClause": {
      const own = inside(node.param ? boundNames(node.param) : []);
      if (node.param) visitBinding(node.param, own, found);
      visit(node.body, own, found);
      return;
    }
    default:
      go(...children(node));
  }
}

function visitFunction(node: FunctionNode | AnyNode, scope: Scope, found: FreeName[]): void {
  const { id, params, body, expression, type } = node as FunctionNode & { readonly type: string };
  const own: Scope = { names: new Set(params.flatMap(boundNames)), outer: scope };
  if (type !== "ArrowFunctionExpression") own.names.add("arguments");
  if (type === "FunctionExpression" && id) own.names.add(id.name);
  for (const parameter of params) visitBinding(parameter, own, found);
  if (expression) {
    visit(body, own, found);
    return;
  }
  const block = (body as { readonly body: readonly AnyNode[] }).body;
  declare(block, own, own);
  visitList(block, own, found);
}

/** Statements one after the other, where a line that begins with a parenthesis could go on the line before it. */
function visitList(statements: readonly AnyNode[], scope: Scope, found: FreeName[]): void {
  for (const statement of statements) {
    const before = found.length;
    visit(statement, scope, found);
    if (statement.type !== "ExpressionStatement") continue;
    const first = found.findIndex((each, index) => index >= before && each.start === statement.start);
    if (first >= 0 && found[first]!.form === "called") found[first] = { ...found[first]!, form: "called first" };
  }
}

/** Of a pattern that binds names only its defaults and computed keys use any. */
function visitBinding(pattern: Pattern, scope: Scope, found: FreeName[]): void {
  switch (pattern.type) {
    case "ObjectPattern":
      for (const property of pattern.properties) {
        if (property.type === "RestElement") visitBinding(property.argument, scope, found);
        else {
          if (property.computed) visit(property.key, scope, found);
          visitBinding(property.value, scope, found);
        }
      }
      return;
    case "ArrayPattern":
      for (const element of pattern.elements) if (element !== null) visitBinding(element, scope, found);
      return;
    case "AssignmentPattern":
      visitBinding(pattern.left, scope, found);
      visit(pattern.right, scope, found);
      return;
    case "RestElement":
      visitBinding(pattern.argument, scope, found);
      return;
    default:
  }
}

function use(node: Identifier, scope: Scope, found: FreeName[], form: FreeName["form"]): void {
  if (!isBound(scope, node.name)) found.push({ name: node.name, start: node.start, form });
}

function isFunction(node: AnyNode): node is AnyNode & FunctionNode {
  return (
    node.type === "FunctionDeclaration" || node.type === "FunctionExpression" || node.type === "ArrowFunctionExpression"
  );
}

/** The nodes directly below one. */
export function children(node: AnyNode): AnyNode[] {
  const found: AnyNode[] = [];
  for (const value of Object.values(node) as unknown[]) {
    for (const each of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (typeof each === "object" && each !== null && typeof (each as { type?: unknown }).type === "string") {
        found.push(each as AnyNode);
      }
    }
  }
  return found;
}
