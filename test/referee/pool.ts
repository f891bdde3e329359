/** Several backends of a sort as one: each scenario goes to whoever has the fewest under way. */
import type { Answer, Backend, Scenario } from "./scenario.js";

export class Pool implements Backend {
  readonly #members: { readonly backend: Backend; busy: number }[];

  constructor(backends: readonly Backend[]) {
    this.#members = backends.map((backend) => ({ backend, busy: 0 }));
  }

  async ask(scenario: Scenario): Promise<Answer> {
    const idlest = this.#members.reduce((best, each) => (each.busy < best.busy ? each : best));
    idlest.busy++;
    try {
      return await idlest.backend.ask(scenario);
    } finally {
      idlest.busy--;
    }
  }
}
