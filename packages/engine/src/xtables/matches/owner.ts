/**
 * `-m owner`: whose socket a packet of this host comes from. A simulated socket has a user, whose group has the same
 * number; there are no processes. Models owner_mt(), net/netfilter/xt_owner.c.
 */
import { NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING } from "../../hooks.js";
import { ParameterProblem, RulesetError } from "../error.js";
import type { MatchExtension } from "../extension.js";
import { bang, type OptionCall, type OptionValues, type Range, rangeText, uintPrefix } from "../options.js";

/** /etc/passwd and /etc/group of a Debian 12 host: what both have, and what only the one or the other. */
const BOTH =
  "root 0 daemon 1 bin 2 sys 3 games 60 man 12 lp 7 mail 8 news 9 uucp 10 proxy 13 www-data 33 backup 34 list 38 irc 39";
const USERS: ReadonlyMap<string, number> = names(`${BOTH} sync 4 games 5 man 6 _apt 42 nobody 65534`);
const GROUPS: ReadonlyMap<string, number> = names(
  `${BOTH} adm 4 tty 5 disk 6 kmem 15 dialout 20 fax 21 voice 22 cdrom 24 floppy 25 tape 26 sudo 27 audio 29 dip 30 operator 37 src 40 shadow 42 utmp 43 video 44 sasl 45 plugdev 46 staff 50 users 100 nogroup 65534`,
);

function names(text: string): Map<string, number> {
  const words = text.split(" ");
  const map = new Map<string, number>();
  for (let i = 0; i < words.length; i += 2) map.set(words[i], Number(words[i + 1]));
  return map;
}

function parseIds(known: ReadonlyMap<string, number>): (text: string, call: OptionCall) => Range {
  return (text, { extension, option }) => {
    const named = known.get(text);
    if (named !== undefined) return { min: named, max: named };
    const wrong = new ParameterProblem(`${extension}: Bad value for "--${option}" option: "${text}"`);
    const first = uintPrefix(text);
    if (first === undefined || first.value > 0xfffffffe) throw wrong;
    if (first.rest === "") return { min: first.value, max: first.value };
    const second = first.rest.startsWith("-") ? uintPrefix(first.rest.slice(1)) : undefined;
    if (second === undefined || second.rest !== "" || second.value > 0xfffffffe) throw wrong;
    return { min: first.value, max: second.value };
  };
}

function listed(range: Range, known: ReadonlyMap<string, number>, numeric: boolean): string {
  if (!numeric && range.min === range.max) {
    const name = [...known].reverse().find(([, id]) => id === range.min)?.[0];
    if (name !== undefined) return name;
  }
  return rangeText(range).replace(":", "-");
}

/** Options in the order in which they are printed, how listings call them, and their names. */
const IDS = [
  { option: "uid-owner", listed: "UID", known: USERS },
  { option: "gid-owner", listed: "GID", known: GROUPS },
] as const;

export const ownerMatch: MatchExtension = {
  kind: "match",
  name: "owner",
  hooks: (1 << NF_INET_LOCAL_OUT) | (1 << NF_INET_POST_ROUTING),
  help: `
owner match options:
[!] --uid-owner userid[-userid]      Match local UID
[!] --gid-owner groupid[-groupid]    Match local GID
[!] --socket-exists                  Match if socket exists
    --suppl-groups                   Also match supplementary groups set with --gid-owner
`,
  options: [
    { name: "uid-owner", invert: true, parse: parseIds(USERS) },
    { name: "gid-owner", invert: true, parse: parseIds(GROUPS) },
    { name: "socket-exists", invert: true },
    {
      name: "suppl-groups",
      after: {
        id: "gid-owner",
        message: 'owner: Bad value for "--suppl-groups" option: "you need to use --gid-owner first"',
      },
    },
  ],
  build(values) {
    if (!["uid-owner", "gid-owner", "socket-exists"].some((each) => values.has(each)))
      throw new ParameterProblem("owner: At least one of --uid-owner, --gid-owner or --socket-exists is required");
    const ids = IDS.filter(({ option }) => values.has(option)).map((id) => ({
      ...id,
      range: values.get<Range>(id.option) as Range,
      inverted: values.inverted(id.option),
    }));
    const supplementary = values.has("suppl-groups");
    const text = (option: (id: (typeof ids)[number]) => string, socket: string, groups: string): string => {
      let all = values.has("socket-exists") ? `${bang(values.inverted("socket-exists"))} ${socket}` : "";
      for (const id of ids) {
        all += `${bang(id.inverted)} ${option(id)}`;
        if (id.option === "gid-owner" && supplementary) all += ` ${groups}`;
      }
      return all;
    };
    return {
      name: "owner",
      check() {
        if (ids.some(({ range }) => range.min > range.max)) throw new RulesetError("EINVAL", "", "an empty range");
      },
      match({ skb: { uid } }) {
        if (uid === -1) return allInverted(values);
        if (values.has("socket-exists") && values.inverted("socket-exists")) return false;
        if (uid < 0) return ids.every((id) => id.inverted);
        for (let i = 0; i < ids.length; i++) {
          const { range, inverted } = ids[i];
          if ((uid >= range.min && uid <= range.max) === inverted) return false;
        }
        return true;
      },
      save: () =>
        text((id) => `--${id.option} ${rangeText(id.range).replace(":", "-")}`, "--socket-exists", "--suppl-groups"),
      print: (numeric) =>
        text(
          (id) => `owner ${id.listed} match ${listed(id.range, id.known, numeric)}`,
          "owner socket exists",
          "incl. suppl. groups",
        ),
    };
  },
};

/** Of a packet without a socket only what was turned round is true. */
function allInverted(values: OptionValues): boolean {
  return ["uid-owner", "gid-owner", "socket-exists"].every((each) => !values.has(each) || values.inverted(each));
}
