export { type AnsiRun, ansiRuns, stripAnsi } from "./ansi.js";
export type { LessonData, LessonEntry } from "./lessons.js";
export type { CellModule, CellModules } from "./live/bundle.js";
export type { PageDisplay, PageOutput } from "./outputs.js";
export { lessonsPlugin, type NotebookLessonsOptions, notebookLessons, pluginName } from "./plugin.js";
export { remarkNotebook } from "./remark.js";
export { remarkHighlight } from "./remark-highlight.js";
