/** A drawing of what the kernel does not show: says so in a cell, throws when its text or picture is asked for. */
import { Drawing, type DrawingSource, JUPYTER_DISPLAY, type MimeBundle, NODE_INSPECT } from "../draw/drawing.js";
import { EngineOnlyError } from "./engine-only.js";

export class UnknownDrawing extends Drawing {
  readonly #error: () => EngineOnlyError;

  constructor(what: string, why: string) {
    const error = (): EngineOnlyError => new EngineOnlyError(what, why);
    super(refusing(error));
    this.#error = error;
  }

  /** @internal */
  override [JUPYTER_DISPLAY](): MimeBundle {
    return { "text/plain": this.#error().message };
  }

  /** @internal */
  override [NODE_INSPECT](): string {
    return this.#error().message;
  }
}

/** A source that throws whatever is asked of it. */
function refusing(error: () => EngineOnlyError): DrawingSource {
  const refuse = (): never => {
    throw error();
  };
  return { text: refuse, svg: refuse, mermaid: refuse };
}
