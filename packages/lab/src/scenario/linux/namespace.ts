/// <reference types="node" />
/**
 * The gateway of one scenario as a network namespace of the real kernel. The calling thread enters it; its devices are
 * TUN devices, whose other end is this program: a packet is handled by the kernel while it is being written, so that
 * what left and what conntrack tells can be read at once.
 */
import { closeSync, constants, openSync, readFileSync, writeFileSync } from "node:fs";
import { parseCidr, parseCidr6 } from "@netfilter-lab/engine";
import { eventLine, PLAIN_FORMAT } from "../../commands/conntrack/print.js";
import { BASELINE_SYSCTLS, IPV6_SYSCTLS, usesIPv6 } from "../baseline.js";
import { toHex } from "../bytes.js";
import { type PacketOut, type Scenario, ScenarioError } from "../model.js";
import { AF_NETLINK, CLONE_NEWNET, type Libc, MSG_DONTWAIT, SOCK_RAW_CLOEXEC, SystemCallError } from "./libc.js";
import {
  addAddress,
  addAddress6,
  answerErrno,
  CONNTRACK_GROUPS,
  conntrackEvents,
  linkUp,
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_NETFILTER,
  NETLINK_ROUTE,
  SO_RCVBUFFORCE,
  SOL_NETLINK,
  SOL_SOCKET,
} from "./netlink.js";

const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const IFF_TUN = 1;
const IFF_NO_PI = 0x1000;

/** Room for events that come while nobody reads. */
const EVENT_BUFFER_BYTES = 8 << 20;

/** What a write to a TUN device says when the device does not take the packet: no IP version, down, gone. */
const SWALLOWED: readonly string[] = ["EINVAL", "EIO", "EBADFD"];

const buffer = new Uint8Array(1 << 17);

export class GatewayNamespace {
  readonly #libc: Libc;
  readonly #home: number;
  readonly #devices: Map<string, number> = new Map();
  readonly #events: number;

  /** Makes the namespace and enters it; `home` is the one to go back to. */
  constructor(libc: Libc, home: number, scenario: Scenario) {
    this.#libc = libc;
    this.#home = home;
    libc.unshare(CLONE_NEWNET);
    try {
      // First of all: conntrack's tunables are there once somebody asked for its events.
      this.#events = this.#listen();
      this.#setUp(scenario);
    } catch (error) {
      this.leave();
      throw error;
    }
  }

  #listen(): number {
    const fd = this.#libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_NETFILTER);
    this.#libc.bindNetlink(fd);
    this.#libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, EVENT_BUFFER_BYTES);
    for (const group of CONNTRACK_GROUPS) this.#libc.setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
    return fd;
  }

  #setUp(scenario: Scenario): void {
    const ipv6 = usesIPv6(scenario.devices);
    if (!ipv6) for (const which of ["all", "default"]) writeIfThere(`net.ipv6.conf.${which}.disable_ipv6`, "1");
    for (const [name, value] of Object.entries({ ...BASELINE_SYSCTLS, ...(ipv6 ? IPV6_SYSCTLS : {}) }))
      writeFileSync(sysctlPath(name), value);
    const route = this.#libc.socket(AF_NETLINK, SOCK_RAW_CLOEXEC, NETLINK_ROUTE);
    try {
      this.#request(route, "lo", linkUp(this.#libc.deviceIndex("lo")));
      for (const [name, addresses] of Object.entries(scenario.devices)) {
        this.#devices.set(name, this.#makeTun(name));
        const index = this.#libc.deviceIndex(name);
        this.#request(route, name, linkUp(index, ipv6));
        for (const text of addresses) {
          if (text.includes(":")) {
            const { address, prefixLength } = parseCidr6(text);
            this.#request(route, name, addAddress6(index, address, prefixLength));
            continue;
          }
          const { address, prefixLength } = parseCidr(text);
          this.#request(route, name, addAddress(index, address, prefixLength));
        }
      }
    } finally {
      this.#libc.close(route);
    }
    if (ipv6) awaitAddresses();
    for (const [name, value] of Object.entries(scenario.sysctl ?? {})) setSysctl(name, value);
  }

  /** A device that outlives its descriptor: it goes with the namespace, which the kernel takes down in its own time. */
  #makeTun(name: string): number {
    const fd = openSync("/dev/net/tun", constants.O_RDWR | constants.O_NONBLOCK);
    const request = new Uint8Array(40);
    for (let i = 0; i < name.length; i++) request[i] = name.charCodeAt(i);
    new DataView(request.buffer).setUint16(16, IFF_TUN | IFF_NO_PI, true);
    try {
      this.#libc.ioctl(fd, TUNSETIFF, request);
      this.#libc.ioctlValue(fd, TUNSETPERSIST, 1);
    } catch (error) {
      closeSync(fd);
      if (error instanceof SystemCallError) throw new ScenarioError(`devices.${name}`, `TUNSETIFF: ${error.code}`);
      throw error;
    }
    return fd;
  }

  #request(fd: number, device: string, message: Uint8Array): void {
    this.#libc.send(fd, message);
    const length = this.#libc.receive(fd, buffer, 0);
    if (typeof length === "string") throw new Error(`netlink: ${length}`);
    const errno = answerErrno(buffer.subarray(0, length));
    if (errno !== 0) throw new ScenarioError(`devices.${device}`, new SystemCallError("rtnetlink", errno).message);
  }

  /** A packet arrives. */
  inject(device: string, bytes: Uint8Array): void {
    const fd = this.#devices.get(device);
    // A packet cannot arrive by a device that was deleted.
    if (fd === undefined) return;
    const written = this.#libc.write(fd, bytes);
    if (typeof written === "string" && !SWALLOWED.includes(written)) throw new Error(`${device}: write: ${written}`);
  }

  /** What left and happened since the last call. */
  take(): { out: PacketOut[]; events: string[] } {
    const out: PacketOut[] = [];
    for (const [dev, fd] of this.#devices) {
      for (;;) {
        const length = this.#libc.read(fd, buffer);
        if (typeof length === "string") {
          if (length === "EBADFD") this.#forget(dev, fd);
          break;
        }
        out.push({ dev, hex: toHex(buffer.subarray(0, length)) });
      }
    }
    const events: string[] = [];
    for (;;) {
      const length = this.#libc.receive(this.#events, buffer, MSG_DONTWAIT);
      if (length === "EAGAIN") break;
      if (typeof length === "string") throw new Error(`conntrack events: ${length}`);
      for (const event of conntrackEvents(buffer.subarray(0, length)))
        events.push(eventLine(event, PLAIN_FORMAT, 0, null).trimStart());
    }
    return { out, events };
  }

  /** A device was deleted: its descriptor would be told of as ready for ever. */
  #forget(device: string, fd: number): void {
    closeSync(fd);
    this.#devices.delete(device);
  }

  /** Whether something left or happened within so many milliseconds. */
  wait(milliseconds: number): boolean {
    return this.#libc.poll([this.#events, ...this.#devices.values()], milliseconds);
  }

  /** Goes back home. The kernel takes the namespace down when its last process has gone. */
  leave(): void {
    for (const fd of this.#devices.values()) closeSync(fd);
    this.#devices.clear();
    if (this.#events !== undefined) this.#libc.close(this.#events);
    this.#libc.setns(this.#home, CLONE_NEWNET);
  }
}

/** A fresh address of IPv6 is tentative until a work queue of the kernel has looked at it, and then gets its route. */
const IFA_F_TENTATIVE = 0x40;
const RTF_LOCAL = 0x80000000;
/** Between a look and the next. */
const ADDRESS_WORK_MS = 1;

/** Waits until every address can be used: none is tentative, and each has its route as this host's own. */
function awaitAddresses(): void {
  const lines = (name: string): string[][] =>
    readFileSync(`/proc/thread-self/net/${name}`, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.trim().split(/\s+/));
  const ready = (): boolean => {
    const addresses = lines("if_inet6");
    if (addresses.some((fields) => (Number.parseInt(fields[4], 16) & IFA_F_TENTATIVE) !== 0)) return false;
    const own = new Set(
      lines("ipv6_route")
        .filter((fields) => (Number.parseInt(fields[8], 16) & RTF_LOCAL) !== 0)
        .map(([address]) => address),
    );
    return addresses.every(([address]) => own.has(address));
  };
  while (!ready()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ADDRESS_WORK_MS);
}

/** Dots stand for slashes, unless the name has slashes. */
function sysctlPath(name: string): string {
  return `/proc/sys/${name.includes("/") ? name : name.replaceAll(".", "/")}`;
}

function writeIfThere(name: string, value: string): void {
  try {
    writeFileSync(sysctlPath(name), value, { flag: "r+" });
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOENT") throw error;
  }
}

function setSysctl(name: string, value: string): void {
  const field = `sysctl[${JSON.stringify(name)}]`;
  try {
    writeFileSync(sysctlPath(name), value, { flag: "r+" });
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "ENOENT") throw new ScenarioError(field, "this kernel has no such tunable");
    if (code === "EACCES" || code === "EPERM") throw new ScenarioError(field, "is read-only");
    throw new ScenarioError(field, `${JSON.stringify(value)} is refused (${code})`);
  }
}
