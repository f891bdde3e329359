/** What one connection asks of the TCP of its host, so that a connection can be read, and tested, without it. */
import type { NetNamespace } from "../../netns.js";
import type { SkBuff } from "../../skb.js";
import type { OptionSysctls } from "./options.js";
import type { WindowLimits } from "./receive-window.js";

/** TCP of one host, as a connection knows it; `Connection` is the kind of its connections. */
export interface TcpHost<Connection = unknown> extends WindowLimits, OptionSysctls {
  readonly net: NetNamespace;
  /** `net.ipv4.tcp_syn_retries`. */
  readonly synRetries: number;
  /** `net.ipv4.tcp_synack_retries`. */
  readonly synackRetries: number;
  /** `net.ipv4.tcp_syn_linear_timeouts`. */
  readonly synLinearTimeouts: number;
  /** `net.ipv4.tcp_retries2`. */
  readonly retries2: number;
  /** `net.ipv4.tcp_orphan_retries`; 0 stands for 8. */
  readonly orphanRetries: number;
  /** `net.ipv4.tcp_fin_timeout`, in seconds. */
  readonly finTimeout: number;
  /** Refuses a segment of `length` bytes at `at`. */
  sendReset(skb: SkBuff, at: number, length: number, transparent?: boolean): void;
  /** The connection is no more. */
  remove(connection: Connection): void;
}

/** Where the handshakes of a listening socket go. */
export interface Backlog<Connection> {
  /** Handshakes under way. */
  readonly requests: Set<Connection>;
  /** Whether no further handshake may finish. */
  readonly full: boolean;
  /** A handshake finished. */
  offer(connection: Connection): void;
}
