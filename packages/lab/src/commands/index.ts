/** Every command that a host knows, by name; those of parts that are loaded when they are asked for, too. */
import type { LabCommand } from "../environment.js";
import { everydayPart, type Part, rarePart, withPart } from "../parts.js";
import { provideParts } from "../provide.js";
import { ip } from "./ip/ip.js";
import { sysctl } from "./sysctl.js";

/** The commands of the parts; a name more or less than the part has fails a test. */
export const commandNames: { readonly everyday: readonly string[]; readonly rare: readonly string[] } = {
  everyday: [
    ..."cat cut echo egrep fgrep grep head printf rm sed seq sort tail tee tr uniq wc yes".split(" "),
    ...["iptables", "ip6tables"]
      .flatMap((base) => [base, `${base}-nft`, `${base}-legacy`])
      .flatMap((name) => [name, `${name}-save`, `${name}-restore`]),
    ..."awk curl date dmesg hostname ifconfig nft route sleep sudo timeout uname wget whoami".split(" "),
    ..."conntrack nc netcat ping ss".split(" "),
  ],
  rare: [
    ...["iptables", "ip6tables"].flatMap((base) =>
      ["apply", "translate", "restore-translate"].map((end) => `${base}-${end}`),
    ),
    ..."iptables-xml".split(" "),
    ..."brctl bridge ebtables ipset nfacct nfct nfnl_osf socat tcpdump xtables-monitor".split(" "),
  ],
};

provideParts();

function commandsOf(
  names: readonly string[],
  part: Part<{ readonly commands: Readonly<Record<string, LabCommand>> }>,
): [string, LabCommand][] {
  return names.map((name) => [name, (context) => withPart(part, ({ commands }) => commands[name](context))]);
}

export const commands: ReadonlyMap<string, LabCommand> = new Map<string, LabCommand>([
  ...Object.entries({ ip, sysctl }),
  ...commandsOf(commandNames.everyday, everydayPart),
  ...commandsOf(commandNames.rare, rarePart),
]);
