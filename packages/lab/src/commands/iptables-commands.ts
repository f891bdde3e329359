/** The iptables family by name. */
import type { FileCommand } from "../environment.js";
import { iptables } from "./iptables.js";
import { iptablesRestore } from "./iptables-restore.js";
import { iptablesSave } from "./iptables-save.js";

export const iptablesTools: Readonly<Record<string, FileCommand>> = Object.fromEntries(
  ["iptables", "ip6tables"]
    .flatMap((base) => [base, `${base}-nft`, `${base}-legacy`])
    .flatMap((name) => [
      [name, iptables],
      [`${name}-save`, iptablesSave],
      [`${name}-restore`, iptablesRestore],
    ]),
);
