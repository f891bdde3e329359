/**
 * Hosts, links, the real commands, packet walks and diagrams over the netfilter engine.
 * @packageDocumentation
 */

export type { AddressesConfig, BackendName, HostConfig, LabConfig, LinkConfig } from "./config.js";
export { LabConfigError } from "./config.js";
export {
  type ComparedCall,
  callsOnly,
  compareGraphs,
  countCalls,
  drawCallGraph,
  type GraphCall,
  GraphComparison,
  parseFunctionGraph,
  RecordingError,
  trackedReceptions,
} from "./draw/call-graph.js";
export { ConntrackTable } from "./draw/conntrack-table.js";
export {
  type Displayable,
  Drawing,
  type DrawingSource,
  JUPYTER_DISPLAY,
  type MimeBundle,
  NODE_INSPECT,
} from "./draw/drawing.js";
export { drawHookMap, HookRegistry } from "./draw/hook-map/hook-map.js";
export { drawPacket, type PacketData } from "./draw/packet.js";
export { PacketViewDrawing } from "./draw/packet-view/view.js";
export type { HookUserData, PassageData } from "./draw/passage.js";
export { drawSequence, type LinkedPassage } from "./draw/sequence.js";
export { drawStates } from "./draw/states.js";
export { drawTuples } from "./draw/tuples.js";
export { parseDuration } from "./duration.js";
export { EndlessCommandError } from "./engine-backend.js";
export type { IpFamily } from "./ip-family.js";
export { Capture, Host, Lab, RunningCommand, ShellResult } from "./lab.js";
export { EngineOnlyError } from "./linux/engine-only.js";
export { describePacket } from "./packet-text/describe.js";
export { theQuestion } from "./question.js";
export { snatConnectionFunctionGraph } from "./recordings/snat-connection.js";
export type { DeviceName, HookUser, WalkEvents, WalkPacketFields, WalkStep } from "./walk.js";
export { describeNote, describeTuple, Walk, WalkPacket } from "./walk.js";
