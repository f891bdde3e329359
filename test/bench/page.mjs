// @ts-nocheck: it runs the built packages, whose types are not those of the sources that the tests see.
/** The measurements in a page, by the clock on the wall: `measure(name, parameters)`. */
import { measures } from "./measures.mjs";

globalThis.measure = (name, parameters) => measures[name](() => performance.now() / 1000, parameters);
