/** Whether iptables sees frames that cross a bridge. Models the sysctls of net/bridge/br_netfilter_hooks.c. */
import type { NetNamespace } from "../netns.js";

/** The switches of net.bridge. */
export class BridgeNetfilter {
  /** `net.bridge.bridge-nf-call-iptables`. */
  callIptables = true;

  constructor(net: NetNamespace) {
    net.sysctl.registerInt(
      "net.bridge.bridge-nf-call-iptables",
      () => (this.callIptables ? 1 : 0),
      (value) => {
        this.callIptables = value !== 0;
      },
    );
  }
}
