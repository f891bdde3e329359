/** Commands of Debian's packages about netfilter that the lab does not have: each says so by name. */
import type { LabCommand } from "../environment.js";

/** What serves instead, or what is missing. */
const ABSENT: Readonly<Record<string, string>> = {
  "iptables-apply": "use iptables-restore",
  "ip6tables-apply": "use ip6tables-restore",
  "iptables-translate": "there is no nftables",
  "ip6tables-translate": "there is no nftables",
  "iptables-restore-translate": "there is no nftables",
  "ip6tables-restore-translate": "there is no nftables",
};

export const absentTools: Readonly<Record<string, LabCommand>> = Object.fromEntries(
  Object.entries(ABSENT).map(([name, instead]): [string, LabCommand] => [
    name,
    ({ stderr }) => {
      stderr.write(`${name}: not supported by the lab; ${instead}\n`);
      return 127;
    },
  ]),
);
