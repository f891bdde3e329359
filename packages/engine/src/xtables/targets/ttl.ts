/** TTL: writes the time to live. Models ttl_tg(), net/netfilter/xt_HL.c. */
import type { TargetExtension } from "../extension.js";
import { putIpByte } from "../packet-edit.js";
import { hopLimitTarget } from "./hop-limit.js";

export const ttlTarget: TargetExtension = hopLimitTarget({ name: "TTL", family: "ipv4", at: 8, put: putIpByte });
