/**
 * What cells import, in parts (`bundle.ts` makes them): the first is all that a page's first Run needs, the others are
 * fetched when the program asks for them. Each is the text of a CommonJS module, since a worker without an origin can
 * import nothing by its address.
 */

/** What is known of the parts before any is there. */
export interface ProgramPlan {
  /** The modules that cells may import. */
  readonly modules: readonly string[];
  /** Each part by its name, with all parts that must be there before it. */
  readonly parts: Readonly<Record<string, readonly string[]>>;
}

/** The part that a first Run needs: some names of each module, and what prepares for cells that need more. */
export const firstPart = "./first.js";
/** The part with all names of each module. */
export const wholePart = "./whole.js";

/** What the first part gives. */
interface FirstPart {
  readonly modules: Readonly<Record<string, object>>;
  /** Loads what a cell's text seems to need; a guess, that makes nothing come later than it is asked for. */
  readonly prepareFor?: (source: string) => Promise<void>;
  /** Loads everything, for a cell that reaches into all of it. */
  readonly prepareAll?: () => Promise<void>;
}

/** A program under construction. */
export class Program {
  readonly #plan: ProgramPlan;
  readonly #fetch: (part: string) => Promise<string>;
  readonly #coming = new Map<string, Promise<object>>();
  readonly #there = new Map<string, object>();

  /** @param fetch gives a part's text; a part is asked for again only if it failed */
  constructor(plan: ProgramPlan, fetch: (part: string) => Promise<string>) {
    this.#plan = plan;
    this.#fetch = fetch;
  }

  /**
   * A module that cells import.
   *
   * @param names what the cell wants of it; undefined: everything
   */
  async module(name: string, names: readonly string[] | undefined): Promise<object> {
    const first = await this.#first();
    const some = first.modules[name]!;
    if (names?.every((each) => Object.hasOwn(some, each)) === true) return some;
    const [whole] = await Promise.all([this.#load(wholePart), first.prepareAll?.()]);
    return (whole as { readonly modules: Readonly<Record<string, object>> }).modules[name]!;
  }

  /** Loads what a cell's text seems to need of a program that has begun. A failure is told when the part is needed. */
  async prepareFor(source: string): Promise<void> {
    if (this.#there.has(firstPart)) await (await this.#first()).prepareFor?.(source).catch(() => undefined);
  }

  #first(): Promise<FirstPart> {
    return this.#load(firstPart) as Promise<FirstPart>;
  }

  #load(part: string): Promise<object> {
    let coming = this.#coming.get(part);
    if (coming === undefined) {
      coming = this.#make(part);
      this.#coming.set(part, coming);
      coming.catch(() => this.#coming.delete(part));
    }
    return coming;
  }

  async #make(part: string): Promise<object> {
    const needed = this.#plan.parts[part] ?? [];
    const [code] = await Promise.all([this.#fetch(part), ...needed.map((each) => this.#load(each))]);
    const made: object = {};
    // oxlint-disable-next-line no-eval
    const define = (0, eval)(`(function (exports, require) { ${code}\n})`) as (
      exports: object,
      require: (part: string) => unknown,
    ) => void;
    // What a part needs is there. Else it is one that the program imports dynamically, and that takes a promise too.
    define(made, (other) => this.#there.get(other) ?? this.#load(other));
    this.#there.set(part, made);
    return made;
  }
}
