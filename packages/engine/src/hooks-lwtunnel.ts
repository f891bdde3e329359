/**
 * The switch of netfilter's hooks in light-weight tunnels, which nobody turns off again. Hosts here have no such
 * tunnels: it changes no packet. Models net/netfilter/nf_hooks_lwtunnel.c.
 */
import { SysctlError, type SysctlTable } from "./sysctl.js";

export function registerLightweightTunnelHooks(sysctl: SysctlTable): void {
  const name = "net.netfilter.nf_hooks_lwtunnel";
  let on = 0;
  sysctl.registerInt(
    name,
    () => on,
    (value) => {
      if (value < on) throw new SysctlError("EBUSY", name);
      on = value;
    },
    0,
    1,
  );
}
