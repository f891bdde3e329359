/** Every command that a host knows, by name. */
import type { LabCommand } from "../environment.js";
import { systemTools } from "./system-tools.js";
import { textTools } from "./text-tools.js";

export const commands: ReadonlyMap<string, LabCommand> = new Map<string, LabCommand>(
  Object.entries({ ...textTools, ...systemTools }),
);
