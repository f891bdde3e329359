/**
 * Cells without Node: the session that runs them in a page's worker, and, in Node, beside the real kernel in tests. The
 * compiler is apart (`@netfilter-lab/notebook/live/compile`), because a page loads it only for cells that were changed.
 * @packageDocumentation
 */
export type { CellSink, Displayed, ErrorReport } from "../notebook/sink.js";
export type { CompiledCell, ImportedModule, RunnableCell } from "./compiled.js";
export type { CellConsole, Formatting } from "./console.js";
export type { OffsetMap } from "./positions.js";
export type { FreeName } from "./references.js";
export { LiveSession, type SessionHost } from "./session.js";
