/** A drawing of what the kernel does not show: says so in a cell, throws when its text or picture is asked for. */
import { type ComparedCall, GraphComparison } from "../draw/call-graph.js";
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

/** A comparison of calls that are not known. */
export class UnknownComparison extends GraphComparison {
  readonly #error: () => EngineOnlyError;

  constructor(what: string, why: string) {
    super([]);
    this.#error = () => new EngineOnlyError(what, why);
  }

  override get lines(): readonly ComparedCall[] {
    throw this.#error();
  }

  override get equal(): boolean {
    throw this.#error();
  }

  override get text(): string {
    throw this.#error();
  }

  override get html(): string | null {
    throw this.#error();
  }

  override get mermaid(): string {
    throw this.#error();
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
