/**
 * Hosts, links, the real commands, packet walks and diagrams over the netfilter engine.
 * @packageDocumentation
 */
export type { AddressesConfig, HostConfig, LabConfig, LinkConfig } from "./config.js";
export { LabConfigError } from "./config.js";
export type { Displayable, MimeBundle } from "./draw/drawing.js";
export { EndlessCommandError } from "./engine-backend.js";
export { Capture, Host, Lab, RunningCommand, ShellResult } from "./lab.js";
export { describePacket } from "./packet-text.js";
export type { DeviceName, HookUser, WalkEvents, WalkPacketFields, WalkStep } from "./walk.js";
export { describeNote, describeTuple, Walk, WalkPacket } from "./walk.js";
