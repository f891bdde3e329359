/** The workers that live cells need; each is bundled into one script by the plugin. */
import type { WorkerSource } from "./sandbox/workers.js";

export const liveWorkers: readonly WorkerSource[] = [];
