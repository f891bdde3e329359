export { type CellProblem, checkNotebooks } from "../checker/check.js";
export { type CellDifference, compareOutputs, keepVolatile, unifiedDiff } from "./compare.js";
export { type CellResult, type ExecuteOptions, type ExecuteResult, executeNotebook } from "./execute.js";
export { findNotebooks, type LessonReport, type LessonsEnvironment, runLessons } from "./lessons.js";
export { type NewLessonEnvironment, newLesson } from "./new.js";
