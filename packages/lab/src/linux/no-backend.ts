/** The Linux backend where there is no Linux to ask: bundlers put this into a page (`browser` in package.json). */
import { LabConfigError } from "../config.js";

/** Refuses to be made. */
export const LinuxBackend = {
  /** @throws LabConfigError always */
  make(): never {
    throw new LabConfigError("backend", '"linux" needs a Linux machine; in a page there is only "engine"');
  },
};
