/** The end points of one network namespace: TCP, UDP and ping sockets. They make and answer the traffic. */
import type { NetNamespace } from "../netns.js";
import type { SkBuff } from "../skb.js";

/** What the IP layer needs of the sockets; implemented in this folder. */
export interface SocketsApi {
  /** Delivers a packet addressed to this host to its transport protocol. Models `ip_protocol_deliver_rcu()`. */
  deliver(skb: SkBuff): void;
}

export class Sockets {
  readonly net: NetNamespace;

  constructor(net: NetNamespace) {
    this.net = net;
  }
}
