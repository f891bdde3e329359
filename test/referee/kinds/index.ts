/** All kinds of scenarios, in the order in which they are run. */
import { BRIDGE_RULES } from "./bridge-rules.js";
import { BRIDGES } from "./bridges.js";
import { BROKEN_HEADERS } from "./broken-headers.js";
import { BYTES } from "./bytes.js";
import { COMMANDS } from "./commands.js";
import { CONNLIMIT } from "./connlimit.js";
import { EXTENSIONS } from "./extensions.js";
import { EXTENSIONS_6 } from "./extensions6.js";
import { FRAGMENTS } from "./fragments.js";
import { FRAGMENTS_6 } from "./fragments6.js";
import { GRE_UDPLITE } from "./gre-udplite.js";
import { HELPERS } from "./helpers.js";
import { HELPERS_6 } from "./helpers6.js";
import { ICMP } from "./icmp.js";
import { IP_OPTIONS } from "./ip-options.js";
import { IPV6 } from "./ipv6.js";
import { MULTIPATH } from "./multipath.js";
import { NAT_AWAY } from "./nat-away.js";
import { NAT_LOCAL } from "./nat-local.js";
import { NAT_MIX } from "./nat-mix.js";
import { NAT_RANGES } from "./nat-ranges.js";
import { NAT_REUSE } from "./nat-reuse.js";
import { NAT66 } from "./nat66.js";
import { NAT66_EDGES } from "./nat66-edges.js";
import { NPT } from "./npt.js";
import { PORT_CLASHES } from "./port-clashes.js";
import { REALMS } from "./realms.js";
import type { Kind } from "./router.js";
import { ROUTING } from "./routing.js";
import { ROUTING_6 } from "./routing6.js";
import { RULESETS } from "./rulesets.js";
import { SCTP, SCTP_ADVERSARIAL } from "./sctp.js";
import { SYSCTLS } from "./sysctls.js";
import { TCP_ADVERSARIAL } from "./tcp-adversarial.js";
import { TCP_LEGAL } from "./tcp-legal.js";
import { TEMPLATES } from "./templates.js";
import { TIME } from "./time.js";
import { TRACKER_SYSCTLS } from "./tracker-sysctls.js";
import { UDP } from "./udp.js";
import { WRONG_COMMANDS } from "./wrong-commands.js";

export const KINDS: readonly Kind[] = [
  TCP_LEGAL,
  TCP_ADVERSARIAL,
  UDP,
  SCTP,
  SCTP_ADVERSARIAL,
  GRE_UDPLITE,
  ICMP,
  FRAGMENTS,
  FRAGMENTS_6,
  PORT_CLASHES,
  IPV6,
  NAT66,
  NPT,
  NAT_MIX,
  NAT_RANGES,
  NAT_AWAY,
  NAT_LOCAL,
  NAT_REUSE,
  NAT66_EDGES,
  ROUTING,
  ROUTING_6,
  REALMS,
  MULTIPATH,
  BRIDGES,
  BRIDGE_RULES,
  RULESETS,
  EXTENSIONS,
  EXTENSIONS_6,
  CONNLIMIT,
  BROKEN_HEADERS,
  IP_OPTIONS,
  BYTES,
  SYSCTLS,
  TIME,
  COMMANDS,
  HELPERS,
  HELPERS_6,
  TRACKER_SYSCTLS,
  TEMPLATES,
  WRONG_COMMANDS,
];
