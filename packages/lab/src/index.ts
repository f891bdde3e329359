/**
 * Hosts, links, the real commands, packet walks and diagrams over the netfilter engine.
 * @packageDocumentation
 */
export type { Command, CommandContext, CommandProcess, Reader, Wait, Writer } from "./command.js";
