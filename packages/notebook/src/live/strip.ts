/**
 * TypeScript to JavaScript, by taking the types away (sucrase). Lines stay where they are; which column comes from
 * which is told beside the code. Nothing is checked. Not possible: namespaces, which are more than types.
 */
import { decode } from "@jridgewell/sourcemap-codec";
import { transform } from "sucrase";
import type { SourceProblem } from "../notebook/source-error.js";
import type { OffsetMap } from "./positions.js";

/** JavaScript, and where its parts come from. */
export interface Stripped {
  readonly code: string;
  readonly map: OffsetMap;
}

/** Takes the types away, or says why that is not possible. */
export function stripTypes(source: string): Stripped | SourceProblem {
  try {
    const { code, sourceMap } = transform(source, {
      transforms: ["typescript"],
      disableESTransforms: true,
      keepUnusedImports: true,
      filePath: "cell.ts",
      sourceMapOptions: { compiledFilename: "cell.js" },
    });
    return droppedNamespace(source, code) ?? { code, map: offsetMap(source, code, sourceMap!.mappings) };
  } catch (error) {
    const { message, pos } = error as Error & { readonly pos?: number };
    const text = message.replace(/^Error transforming cell\.ts: /, "").replace(/ \(\d+:\d+\)$/, "");
    return { start: Math.min(pos ?? 0, source.length), length: 1, text };
  }
}

const namespace = /^[ \t]*(?:export[ \t]+)?(?:namespace|module)[ \t]+[\w$.]+\s*\{/gm;

/** A namespace is taken away like a type, although it may hold code. */
function droppedNamespace(source: string, code: string): SourceProblem | undefined {
  const found = [...source.matchAll(namespace)];
  if (found.length === 0 || found.length === [...code.matchAll(namespace)].length) return undefined;
  const text = "namespaces are not possible in the page: use an object or a class";
  return { start: found[0]!.index, length: found[0]![0].length, text };
}

function offsetMap(source: string, code: string, mappings: string): OffsetMap {
  const [oldStarts, newStarts] = [lineStarts(source), lineStarts(code)];
  const map: number[] = [0, 0];
  for (const [line, segments] of decode(mappings).entries()) {
    for (const segment of segments) {
      if (segment.length === 1) continue;
      const [from, to] = [newStarts[line]! + segment[0], oldStarts[segment[2]]! + segment[3]];
      const distance = map.at(-1)! - map.at(-2)!;
      if (to - from !== distance && from >= map.at(-2)!) map.push(from, to);
    }
  }
  return map;
}

function lineStarts(text: string): number[] {
  return [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
}
