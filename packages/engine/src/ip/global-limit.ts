/**
 * How many ICMP errors a host sends in all, of both families: up to `net.ipv4.icmp_msgs_burst` at once and
 * `icmp_msgs_per_sec` a second. An error takes one credit; Linux takes none, one or two at random, as many on average.
 * Models icmp_global_allow() and icmp_global_consume(), net/ipv4/icmp.c.
 */
import type { VirtualClock } from "../clock.js";
import { HZ } from "../clock.js";
import type { SysctlTable } from "../sysctl.js";

export class GlobalLimit {
  readonly #clock: VirtualClock;
  /** `net.ipv4.icmp_msgs_per_sec`. */
  #messagesPerSecond = 1000;
  /** `net.ipv4.icmp_msgs_burst`. */
  #messagesBurst = 50;
  #credit = 0;
  #lastJiffies: number;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
    this.#lastJiffies = (clock.jiffies - HZ) | 0;
  }

  registerSysctls(sysctl: SysctlTable): void {
    sysctl.registerInt(
      "net.ipv4.icmp_msgs_per_sec",
      () => this.#messagesPerSecond,
      (value) => {
        this.#messagesPerSecond = value;
      },
      0,
    );
    sysctl.registerInt(
      "net.ipv4.icmp_msgs_burst",
      () => this.#messagesBurst,
      (value) => {
        this.#messagesBurst = value;
      },
      0,
    );
  }

  /** Whether one more may be sent. Credits come only once all are spent, and at most every 20 ms. */
  allows(): boolean {
    if (this.#credit > 0) return true;
    const now = this.#clock.jiffies;
    const passed = Math.min((now - this.#lastJiffies) >>> 0, HZ);
    if (passed < HZ / 50) return false;
    const more = Math.floor((this.#messagesPerSecond * passed) / HZ);
    if (more === 0) return false;
    this.#lastJiffies = now;
    this.#credit = Math.min(this.#credit + more, this.#messagesBurst);
    return true;
  }

  /** One was sent. */
  consume(): void {
    this.#credit--;
  }
}
