/** The expressions of `test` and `[`: strings, integers, files, `!`, `-a`, `-o`. */
import type { Writer } from "../command.js";
import type { FileSystem } from "../files.js";

const INTEGER_TESTS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  "-eq": (a, b) => a === b,
  "-ne": (a, b) => a !== b,
  "-lt": (a, b) => a < b,
  "-le": (a, b) => a <= b,
  "-gt": (a, b) => a > b,
  "-ge": (a, b) => a >= b,
};

class TestError extends Error {}

/** 0 for true, 1 for false, 2 for an expression that cannot be read. */
export function testExpression(args: readonly string[], files: FileSystem, name: string, stderr: Writer): number {
  try {
    return evaluate(args, files) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof TestError)) throw error;
    stderr.write(`bash: ${name}: ${error.message}\n`);
    return 2;
  }
}

function evaluate(args: readonly string[], files: FileSystem): boolean {
  if (args.length === 0) return false;
  if (args.length === 1) return args[0] !== "";
  if (args.length === 3) {
    const [left, operator, right] = args;
    if (operator === "=" || operator === "==") return left === right;
    if (operator === "!=") return left !== right;
    const compare = INTEGER_TESTS[operator];
    if (compare !== undefined) return compare(integer(left), integer(right));
  }
  const or = args.indexOf("-o");
  if (or > 0) return evaluate(args.slice(0, or), files) || evaluate(args.slice(or + 1), files);
  const and = args.indexOf("-a");
  if (and > 0) return evaluate(args.slice(0, and), files) && evaluate(args.slice(and + 1), files);
  if (args[0] === "!") return !evaluate(args.slice(1), files);
  if (args.length === 2) {
    const [operator, operand] = args;
    if (operator === "-n") return operand !== "";
    if (operator === "-z") return operand === "";
    if (operator === "-e" || operator === "-f" || operator === "-r" || operator === "-w") return files.exists(operand);
    if (operator === "-s") return !files.isEmpty(operand);
    if (operator === "-d") return false;
    throw new TestError(`${operator}: unary operator expected`);
  }
  if (args.length === 3) throw new TestError(`${args[1]}: binary operator expected`);
  throw new TestError("too many arguments");
}

function integer(text: string): number {
  if (!/^\s*[+-]?\d+\s*$/.test(text)) throw new TestError(`${text}: integer expression expected`);
  return Number(text);
}
