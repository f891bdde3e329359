/** The part that makes of packets, hooks and connections what can be looked at. */
export { ConntrackTable } from "../draw/conntrack-table.js";
export { HookRegistry } from "../draw/hook-map/hook-map.js";
export { Walk, walkPacket } from "../walk.js";
