/**
 * What a part of netfilter keeps for each namespace, which itself knows nothing of it. Models `struct
 * pernet_operations` with `net_generic()`.
 */
import type { NetNamespace } from "./netns.js";

/** Finds a namespace's own, which is made when it is first asked for. */
export function perNamespace<Kept extends object>(make: (net: NetNamespace) => Kept): (net: NetNamespace) => Kept {
  const all = new WeakMap<NetNamespace, Kept>();
  return (net) => {
    let kept = all.get(net);
    if (kept === undefined) all.set(net, (kept = make(net)));
    return kept;
  };
}
