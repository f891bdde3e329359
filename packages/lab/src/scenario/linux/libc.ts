/// <reference types="node" />
/**
 * The few system calls that Node has no words for: namespaces, TUN devices, netlink sockets. They are called through
 * koffi, a package that ships its binaries, on the thread that calls: a network namespace is a thread's.
 */
import { createRequire } from "node:module";
import { getSystemErrorName } from "node:util";

export const CLONE_NEWPID = 0x20000000;
export const CLONE_NEWNET = 0x40000000;

export const AF_NETLINK = 16;
export const SOCK_RAW_CLOEXEC: number = 3 | 0x80000;
export const MSG_DONTWAIT = 0x40;
const MFD_CLOEXEC = 1;

/** What a TUN device says that was deleted; Node has no name for it. */
const EBADFD = 77;

function errorName(errno: number): string {
  return errno === EBADFD ? "EBADFD" : getSystemErrorName(-errno);
}

/** A system call that failed. */
export class SystemCallError extends Error {
  override readonly name = "SystemCallError";
  /** Such as `EPERM`. */
  readonly code: string;

  constructor(call: string, errno: number) {
    const code = errorName(errno);
    super(`${call}: ${code}`);
    this.code = code;
  }
}

/** The calls; each throws {@link SystemCallError} when the kernel refuses, except as said. */
export interface Libc {
  unshare(flags: number): void;
  setns(fd: number, type: number): void;
  /** With a structure that the kernel reads and writes. */
  ioctl(fd: number, request: number, structure: Uint8Array): void;
  /** With a number. */
  ioctlValue(fd: number, request: number, value: number): void;
  /** The number of a device of this thread's network namespace. */
  deviceIndex(name: string): number;
  /**
   * A file that has no place in any folder and goes with its last descriptor; `name` is for those who look in /proc.
   */
  memoryFile(name: string): number;
  socket(domain: number, type: number, protocol: number): number;
  /** Gives a netlink socket its own address: without one, it would pass for the kernel, and hear no multicast. */
  bindNetlink(fd: number): void;
  setsockopt(fd: number, level: number, option: number, value: number): void;
  close(fd: number): void;
  /** Bytes written, or the errno's name. */
  write(fd: number, bytes: Uint8Array): number | string;
  /** Bytes read, or the errno's name. */
  read(fd: number, buffer: Uint8Array): number | string;
  send(fd: number, bytes: Uint8Array): void;
  /** Bytes received, or the errno's name. */
  receive(fd: number, buffer: Uint8Array, flags: number): number | string;
  /** Whether one of the descriptors has something to read within so many milliseconds. */
  poll(fds: readonly number[], milliseconds: number): boolean;
}

/** The part of koffi that is used here. */
interface Koffi {
  load(library: string): { func(definition: string): (...values: unknown[]) => number };
  errno(): number;
}

/** Loads koffi. Throws when it is not installed or has no binary for this machine. */
export function loadLibc(): Libc {
  const koffi = createRequire(import.meta.url)("koffi") as Koffi;
  const libc = koffi.load("libc.so.6");
  const unshare = libc.func("int unshare(int)");
  const setns = libc.func("int setns(int, int)");
  const ioctl = libc.func("int ioctl(int, ulong, _Inout_ uint8_t *)");
  const ioctlValue = libc.func("int ioctl(int, ulong, ulong)");
  const deviceIndex = libc.func("unsigned int if_nametoindex(const char *)");
  const socket = libc.func("int socket(int, int, int)");
  const memfdCreate = libc.func("int memfd_create(const char *, unsigned int)");
  const setsockopt = libc.func("int setsockopt(int, int, int, const int *, unsigned int)");
  const bind = libc.func("int bind(int, const uint8_t *, unsigned int)");
  const close = libc.func("int close(int)");
  const write = libc.func("long write(int, const uint8_t *, size_t)");
  const read = libc.func("long read(int, _Out_ uint8_t *, size_t)");
  const send = libc.func("long send(int, const uint8_t *, size_t, int)");
  const receive = libc.func("long recv(int, _Out_ uint8_t *, size_t, int)");
  const poll = libc.func("int poll(_Inout_ uint8_t *, unsigned long, int)");
  const check = (call: string, answer: number): number => {
    if (answer < 0) throw new SystemCallError(call, koffi.errno());
    return answer;
  };
  const countOrName = (answer: number): number | string => (answer < 0 ? errorName(koffi.errno()) : answer);
  return {
    unshare: (flags) => void check("unshare", unshare(flags)),
    setns: (fd, type) => void check("setns", setns(fd, type)),
    ioctl: (fd, request, structure) => void check("ioctl", ioctl(fd, request, structure)),
    ioctlValue: (fd, request, value) => void check("ioctl", ioctlValue(fd, request, value)),
    deviceIndex: (name) => {
      const index = deviceIndex(name);
      if (index === 0) throw new SystemCallError(`if_nametoindex ${name}`, koffi.errno());
      return index;
    },
    memoryFile: (name) => check("memfd_create", memfdCreate(name, MFD_CLOEXEC)),
    socket: (domain, type, protocol) => check("socket", socket(domain, type, protocol)),
    bindNetlink: (fd) => {
      // struct sockaddr_nl; with port 0 the kernel finds one.
      const address = new Uint8Array(12);
      address[0] = AF_NETLINK;
      check("bind", bind(fd, address, address.length));
    },
    setsockopt: (fd, level, option, value) => void check("setsockopt", setsockopt(fd, level, option, [value], 4)),
    close: (fd) => void check("close", close(fd)),
    write: (fd, bytes) => countOrName(write(fd, bytes, bytes.length)),
    read: (fd, buffer) => countOrName(read(fd, buffer, buffer.length)),
    send: (fd, bytes) => void check("send", send(fd, bytes, bytes.length, 0)),
    receive: (fd, buffer, flags) => countOrName(receive(fd, buffer, buffer.length, flags)),
    poll: (fds, milliseconds) => {
      const structure = new Uint8Array(8 * fds.length);
      const view = new DataView(structure.buffer);
      fds.forEach((fd, index) => {
        view.setInt32(8 * index, fd, true);
        view.setInt16(8 * index + 4, 1, true);
      });
      return check("poll", poll(structure, fds.length, milliseconds)) > 0;
    },
  };
}
