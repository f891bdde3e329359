/**
 * What a page may load later than the engine: extensions that few rulesets use, TCP's connections for sockets of the
 * engine, the helpers' list. Where `browser` of package.json is obeyed, the engine begins without the first two, and
 * `registerExtensions` and `registerTcpConnections` make them known; elsewhere it has them from the start.
 */
export { conntrackHelpers } from "./conntrack/helpers/registry.js";
export * from "./dev/bridge.js";
export * from "./ipset/element.js";
export * from "./ipset/ipset.js";
export * from "./ipset/types.js";
export { TcpSock } from "./sock/tcp/connection.js";
export * from "./xtables/accounting.js";
export {
  addFingerprint,
  type Fingerprint,
  type FingerprintNumber,
  type FingerprintOption,
  removeFingerprint,
} from "./xtables/fingerprints.js";
export { rareExtensions } from "./xtables/rare.js";
