/**
 * What is kept of a page's cells, and what came from elsewhere: the reader's changes go into storage as they are made
 * and come back with the page; cells of a link or a file are shown, kept only when the reader says so, and never run by
 * being shown. Knows nothing of React.
 */
import { contentOf, isPublished, type LiveDocument } from "../live/document.js";
import type { LiveNotebook } from "../live/notebook.js";
import { CellsError, lessonVersion } from "./cells.js";
import { carriesCells, cellsOfFragment } from "./link.js";
import { browserStorage, type Keeper, type KeptStorage, type NotKept, openKeeper } from "./storage.js";

/** What the page says about it. */
export interface KeepingState {
  /** Where cells that are shown, and not kept, came from. */
  readonly foreign: "link" | "file" | undefined;
  /** The link was made for another version of the lesson. */
  readonly isOutdated: boolean;
  /** Changes of the reader's own are kept beside what is shown. */
  readonly hasOwn: boolean;
  /** Another tab keeps other cells for this lesson; what is changed here is not kept until the reader has chosen. */
  readonly isElsewhere: boolean;
  /** Versions of the lesson, other than this, that the reader changed. */
  readonly others: readonly string[];
  /** What could not be done, in words for the reader. */
  readonly problem: string;
  /** Why changes are not kept. */
  readonly notKept: NotKept | undefined;
}

/** Before anything is kept or came from elsewhere. */
export const nothingKept: KeepingState = {
  foreign: undefined,
  isOutdated: false,
  hasOwn: false,
  isElsewhere: false,
  others: [],
  problem: "",
  notKept: undefined,
};

/** One page's keeping. */
export class Keeping {
  readonly #notebook: LiveNotebook;
  readonly #lesson: string;
  readonly #storage: KeptStorage | undefined;
  readonly #listeners = new Set<() => void>();
  #keeper: Keeper | undefined;
  #state = nothingKept;
  #content = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param lesson the page's address on the site */
  constructor(notebook: LiveNotebook, lesson: string, storage: KeptStorage | undefined = browserStorage()) {
    this.#notebook = notebook;
    this.#lesson = lesson;
    this.#storage = storage;
  }

  readonly state = (): KeepingState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Shows what was kept, or what the address carries, once the page's cells are all there. */
  async begin(fragment: string): Promise<void> {
    if (this.#keeper === undefined) {
      const { lesson } = this.#document;
      this.#keeper = openKeeper(this.#storage, this.#lesson, lessonVersion(lesson), lesson);
      this.#set({ others: this.#keeper.otherVersions() });
      this.#showOwn();
      this.#notebook.subscribe(() => this.#changed());
    }
    if (carriesCells(fragment)) await this.#showLink(fragment);
  }

  /** Shows the cells of a file. */
  async open(file: Pick<File, "name" | "size" | "text">, published: () => Promise<string>): Promise<void> {
    try {
      if (file.size > 20_000_000) throw new CellsError(`${file.name} is too large for a lesson.`);
      const { openLesson } = await import("./notebook.js");
      const { cells, otherProse } = openLesson(await published(), this.#document.lesson, await file.text(), file.name);
      this.#showForeign("file", cells, false);
      if (otherProse > 0) {
        const count = otherProse === 1 ? "1 cell of prose" : `${otherProse} cells of prose`;
        this.#set({ problem: `${file.name} has ${count} that the lesson has not; the page does not show them.` });
      }
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** From now on the foreign cells are the reader's to keep. */
  keep(): void {
    this.#set({ foreign: undefined, isOutdated: false, hasOwn: false });
    this.#content = "";
    this.#save();
  }

  /** Takes the foreign cells away; what the reader has kept is there again. */
  dismiss(): void {
    this.#set({ foreign: undefined, isOutdated: false, hasOwn: false, problem: "" });
    this.#notebook.reset();
    this.#showOwn();
  }

  /** Storage was written by another tab: what that tab keeps is not overwritten without the reader's word. */
  hearStorage(key: string | null): void {
    if (this.#keeper?.isEntry(key) !== true) return;
    if (this.#state.foreign === undefined) {
      clearTimeout(this.#timer);
      const isSame = this.#keeper.has() ? this.#keeper.keeps(contentOf(this.#document)) : isPublished(this.#document);
      this.#set({ isElsewhere: !isSame });
    } else this.#set({ hasOwn: this.#keeper.has() });
  }

  /** Shows what another tab keeps, in the place of what this one shows. */
  showElsewhere(): void {
    this.#set({ isElsewhere: false });
    this.#notebook.reset();
    this.#showOwn();
  }

  /** Keeps what this tab shows, in the place of what another one kept. */
  keepThese(): void {
    this.#set({ isElsewhere: false });
    this.#content = "";
    this.#save();
  }

  /** Shows what the reader had changed in another version of the lesson. It stays kept. */
  showOther(version: string): void {
    try {
      this.#notebook.dispatch({ type: "replace", cells: this.#keeper?.loadOther(version) ?? [] });
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** Forgets what the reader had changed in another version. */
  forgetOther(version: string): void {
    this.#keeper?.forget(version);
    this.#set({ others: this.#keeper?.otherVersions() ?? [] });
  }

  /** Says what could not be done. */
  refuse(problem: string): void {
    this.#set({ problem });
  }

  get #document(): LiveDocument {
    return this.#notebook.state().document;
  }

  #showOwn(): void {
    try {
      const cells = this.#keeper?.load();
      if (cells !== undefined) this.#notebook.dispatch({ type: "replace", cells });
    } catch (error) {
      this.#refuse(error);
    }
    this.#content = this.#contentNow();
  }

  async #showLink(fragment: string): Promise<void> {
    const { lesson } = this.#document;
    try {
      const { cells, outdated } = await cellsOfFragment(lesson, lessonVersion(lesson), fragment);
      this.#showForeign("link", cells, outdated);
    } catch (error) {
      // "The lesson as published", whatever was shown before; what is kept stays kept.
      this.#set({ foreign: "link" });
      this.#notebook.reset();
      this.#refuse(error);
    }
  }

  #showForeign(foreign: "link" | "file", cells: Parameters<Keeper["save"]>[0], isOutdated: boolean): void {
    this.#save();
    const hasOwn = this.#keeper?.has() === true;
    this.#set({ foreign, isOutdated, hasOwn, isElsewhere: false, problem: "" });
    this.#notebook.stop();
    this.#notebook.dispatch({ type: "replace", cells });
    this.#content = this.#contentNow();
  }

  /** Nothing is kept before the reader has said so. */
  get #isHeld(): boolean {
    return this.#state.foreign !== undefined || this.#state.isElsewhere;
  }

  #changed(): void {
    if (this.#isHeld || this.#contentNow() === this.#content) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#save(), 300);
  }

  #save(): void {
    clearTimeout(this.#timer);
    const content = this.#contentNow();
    if (this.#keeper === undefined || this.#isHeld || content === this.#content) return;
    this.#content = content;
    if (isPublished(this.#document)) this.#keeper.forgetThis();
    else {
      const notKept = this.#keeper.save(contentOf(this.#document));
      if (notKept !== this.#state.notKept) this.#set({ notKept });
    }
  }

  #contentNow(): string {
    return JSON.stringify(contentOf(this.#document));
  }

  #refuse(error: unknown): void {
    if (!(error instanceof CellsError)) throw error;
    this.#set({ problem: error.message });
  }

  #set(change: Partial<KeepingState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}
