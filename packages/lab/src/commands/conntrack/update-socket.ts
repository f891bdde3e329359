/**
 * The netlink socket of `conntrack -U`, with the tool's own trouble: after each change it fetches the entry to print
 * it, but reads one message where the kernel sends two, the entry and an acknowledgement. So it falls behind: of
 * several entries it prints only some, and errors come late. Models what `mnl_nfct_update_cb()` sends and
 * `nfct_mnl_talk()` reads.
 */
import {
  type ConntrackMessage,
  type ConntrackSnapshot,
  EMPTY_MESSAGE,
  EOPNOTSUPP,
  getConntrack,
  type NetNamespace,
  newConntrack,
  SystemError,
} from "@netfilter-lab/engine";

/** An error number (0: an acknowledgement), or an entry. */
type Answer = number | ConntrackSnapshot;

export class UpdateSocket {
  readonly #net: NetNamespace;
  readonly #portid: number;
  readonly #answers: Answer[] = [];

  constructor(net: NetNamespace, portid: number) {
    this.#net = net;
    this.#portid = portid;
  }

  /** Sends a change; gives the error number that is read, perhaps of an earlier message. */
  change(message: ConntrackMessage, family: number | null): number {
    this.#answers.push(this.#errnoOf(family, () => newConntrack(this.#net.ct, message, "change", this.#portid)));
    const read = this.#read();
    return typeof read === "number" ? read : 0;
  }

  /** Asks for the entry; gives what is read: an entry, perhaps an earlier one, or an error number. */
  fetch({ original }: ConntrackMessage, family: number | null): Answer {
    let entry: ConntrackSnapshot | null = null;
    const errno = this.#errnoOf(family, () => {
      const found = this.#net.ct.snapshot(getConntrack(this.#net.ct, { ...EMPTY_MESSAGE, original }));
      // It is told while the asker holds a reference.
      entry = { ...found, use: found.use + 1 };
    });
    if (entry !== null) this.#answers.push(entry);
    this.#answers.push(errno);
    return this.#read();
  }

  #read(): Answer {
    return this.#answers.shift() ?? 0;
  }

  /** The kernel's answer to a request. Without a family the tool sends none, and the kernel reads no tuple. */
  #errnoOf(family: number | null, request: () => void): number {
    if (family === null) return EOPNOTSUPP;
    try {
      request();
      return 0;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return error.errno;
    }
  }
}
