/**
 * Who takes what the kernel itself says of packets (conntrack of invalid ones, the legacy TRACE), for each family: its
 * logger of the kernel's log, which it has at first, nfnetlink_log, for which nobody listens here, or nobody. `-j LOG`
 * asks for the kernel's log by name and is not concerned. Models net/netfilter/nf_log.c.
 */
import { SysctlError, type SysctlTable } from "./sysctl.js";

/** Families by their number (`NFPROTO_NUMPROTO`), and the names of those that nf_log_syslog has a logger for. */
const FAMILIES = 11;
const SYSLOG: ReadonlyMap<number, string> = new Map([
  [2, "nf_log_ipv4"],
  [3, "nf_log_arp"],
  [5, "nf_log_netdev"],
  [7, "nf_log_bridge"],
  [10, "nf_log_ipv6"],
]);
const NETLINK = "nfnetlink_log";
const NOBODY = "NONE";
/** `NFLOGGER_NAME_LEN`, without the end of a string. */
const NAME_LENGTH = 63;

export class Loggers {
  readonly #bound: string[] = Array.from({ length: FAMILIES }, (_, pf) => SYSLOG.get(pf) ?? NOBODY);

  constructor(sysctl: SysctlTable) {
    for (let pf = 0; pf < FAMILIES; pf++) {
      const name = `net.netfilter.nf_log.${pf}`;
      sysctl.register({ name, get: () => this.#bound[pf], set: (text) => this.#bind(pf, name, text) });
    }
  }

  /** Whether a family's packets are told of in the kernel's log. */
  writesKernelLog(pf: number): boolean {
    return this.#bound[pf] === SYSLOG.get(pf);
  }

  /** A logger is known by the beginning of what was written. Models `nf_log_proc_dostring()` and `__find_logger()`. */
  #bind(pf: number, sysctl: string, text: string): void {
    const asked = text.slice(0, NAME_LENGTH);
    const found = [SYSLOG.get(pf), NETLINK].find((name) => name !== undefined && asked.toLowerCase().startsWith(name));
    if (found === undefined && asked !== NOBODY) throw new SysctlError("ENOENT", sysctl);
    this.#bound[pf] = found ?? NOBODY;
  }
}
