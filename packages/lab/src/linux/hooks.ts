/**
 * The hooks of a host on real Linux. A kernel built with CONFIG_NETFILTER_NETLINK_HOOK lists them (`nft list hooks`);
 * the one this was written on is not, and prints nothing. The registry says that it does not know.
 */
import { JUPYTER_DISPLAY, type MimeBundle, NODE_INSPECT } from "../draw/drawing.js";
import { HookRegistry } from "../draw/hook-map/hook-map.js";
import type { HookUserData } from "../draw/passage.js";
import { EngineOnlyError } from "./engine-only.js";

const WHY = "who hangs on the hooks is not listed by this kernel (nft list hooks)";

/** A registry of which nothing is known: it says so when shown, and throws when asked. */
export class UnlistedHooks extends HookRegistry {
  constructor(host: string) {
    super(host, []);
  }

  #error(): EngineOnlyError {
    return new EngineOnlyError(`${this.host}.hooks()`, WHY);
  }

  override get entries(): readonly HookUserData[] {
    throw this.#error();
  }

  override at(_hook: string): readonly HookUserData[] {
    throw this.#error();
  }

  override get text(): string {
    throw this.#error();
  }

  override get svg(): string | null {
    throw this.#error();
  }

  override get mermaid(): string {
    throw this.#error();
  }

  override [JUPYTER_DISPLAY](): MimeBundle {
    return { "text/plain": this.#error().message };
  }

  override [NODE_INSPECT](): string {
    return this.#error().message;
  }

  override toString(): string {
    return this.#error().message;
  }
}
