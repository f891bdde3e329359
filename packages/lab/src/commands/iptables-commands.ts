/** The iptables family by name. */
import type { Command } from "../command.js";
import { iptables } from "./iptables.js";
import { iptablesRestore } from "./iptables-restore.js";
import { iptablesSave } from "./iptables-save.js";

export const iptablesTools: Readonly<Record<string, Command>> = {
  iptables,
  "iptables-nft": iptables,
  "iptables-legacy": iptables,
  "iptables-save": iptablesSave,
  "iptables-nft-save": iptablesSave,
  "iptables-legacy-save": iptablesSave,
  "iptables-restore": iptablesRestore,
  "iptables-nft-restore": iptablesRestore,
  "iptables-legacy-restore": iptablesRestore,
};
