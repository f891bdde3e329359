export { formatNotebook, kernelName } from "./notebook/format.js";
export { compareLessons, type Lesson, lessonOf, slugOf } from "./notebook/lesson.js";
export {
  type Cell,
  type CodeCell,
  type DisplayDataOutput,
  type ErrorOutput,
  type ExecuteResultOutput,
  hasTag,
  type Json,
  type JsonObject,
  type LessonTag,
  lessonTags,
  type MarkdownCell,
  type MimeBundle,
  type Notebook,
  NotebookError,
  type Output,
  type RawCell,
  type StreamOutput,
} from "./notebook/model.js";
export { parseNotebook } from "./notebook/parse.js";
