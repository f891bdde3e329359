/** The extensions that are there from the start: all of them. */
import { everydayExtensions } from "./everyday.js";
import { rareExtensions } from "./rare.js";
import type { ExtensionList } from "./registry.js";

export const presentExtensions: readonly ExtensionList[] = [everydayExtensions, rareExtensions];
