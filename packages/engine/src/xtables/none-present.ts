/**
 * The extensions that are there from the start where the program is loaded in parts (`browser` in package.json): none.
 */
import type { ExtensionList } from "./registry.js";

export const presentExtensions: readonly ExtensionList[] = [];
