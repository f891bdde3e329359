/**
 * What a lab runs on. The engine is one backend, real Linux namespaces are another: a lesson's cells are the same
 * on both, so everything that may take real time there answers with a promise here.
 */
import type { ConntrackSnapshot } from "@netfilter-lab/engine";
import type { HookRegistry } from "./draw/hook-map/hook-map.js";
import type { IpFamily } from "./ip-family.js";
import type { DeviceName, Walk } from "./walk.js";

/** What a finished command printed. */
export interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
  /** Both, in the order in which they were written. */
  readonly text: string;
  readonly status: number;
}

/** A command that runs in the background. */
export interface BackgroundCommand {
  /** What it has printed so far. */
  readonly output: Omit<CommandOutput, "status">;
  /** Its exit status, null while it runs. */
  readonly status: number | null;
  /** Ends it and lets it print its last words. */
  kill(signal: "SIGINT" | "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Waits for its end. */
  wait(): Promise<void>;
}

/** Packets on one device, as they are captured. */
export interface CaptureHandle {
  /** What was captured so far, as the bytes of a pcap file. */
  pcap(): Uint8Array;
  readonly count: number;
  stop(): void;
}

export interface Backend {
  readonly name: "engine" | "linux";
  /** Microseconds since the lab was made. */
  readonly nowMicros: number;
  /** Lets time pass. */
  sleep(micros: number): Promise<void>;
  /** Runs a script on a host to its end. */
  run(host: string, script: string): Promise<CommandOutput>;
  /** Begins a script on a host. */
  start(host: string, script: string): BackgroundCommand;
  /** What happened to the packets of the given hosts while `action` ran. */
  walk(hosts: readonly string[], action: () => unknown): Promise<Walk>;
  /** Sends a packet that the caller wrote, from its IP header on, as a raw socket does. */
  send(host: string, packet: Uint8Array): Promise<void>;
  capture(device: DeviceName): CaptureHandle;
  /** Who hangs on a host's hooks of a family now, hook by hook, in the order in which they run. */
  hooks(host: string, family: IpFamily): Promise<HookRegistry>;
  /** A host's conntrack table now. */
  conntrack(host: string): Promise<readonly ConntrackSnapshot[]>;
  /** Ends all commands and gives back what the lab holds of the machine. */
  close(): Promise<void>;
}
