/// <reference types="node" />
/**
 * Whether a process on real Linux waits for something that no clock will bring: it hangs in a system call that waits
 * without a time limit. When all processes of a lab do, and no TCP connection has a timer under way, nothing in the lab
 * can happen any more, and a command that waits waits for ever. Known for x64 and arm64; elsewhere nobody is ever said
 * to wait for ever.
 */
import { readFileSync } from "node:fs";

/**
 * A system call that can wait for ever: the place of its time limit among its arguments, and the limit that is none.
 */
interface WaitingCall {
  readonly limitAt: number | null;
  readonly none: bigint;
}

const untimed: WaitingCall = { limitAt: null, none: 0n };
const limitedBy = (limitAt: number, none: bigint = 0n): WaitingCall => ({ limitAt, none });
/** -1 of an `int`, as it stands in a register. */
const MINUS_ONE = 0xffffffffn;

const CALLS: Readonly<Record<string, ReadonlyMap<number, WaitingCall>>> = {
  x64: new Map([
    [0, untimed], // read
    [7, limitedBy(2, MINUS_ONE)], // poll
    [23, limitedBy(4)], // select
    [34, untimed], // pause
    [42, untimed], // connect
    [43, untimed], // accept
    [45, untimed], // recvfrom
    [47, untimed], // recvmsg
    [61, untimed], // wait4
    [130, untimed], // rt_sigsuspend
    [232, limitedBy(3, MINUS_ONE)], // epoll_wait
    [270, limitedBy(4)], // pselect6
    [271, limitedBy(2)], // ppoll
    [281, limitedBy(3, MINUS_ONE)], // epoll_pwait
    [288, untimed], // accept4
  ]),
  arm64: new Map([
    [22, limitedBy(3, MINUS_ONE)], // epoll_pwait
    [63, untimed], // read
    [72, limitedBy(4)], // pselect6
    [73, limitedBy(2)], // ppoll
    [133, untimed], // rt_sigsuspend
    [202, untimed], // accept
    [203, untimed], // connect
    [207, untimed], // recvfrom
    [212, untimed], // recvmsg
    [242, untimed], // accept4
    [260, untimed], // wait4
  ]),
};

/** Whether a line of `/proc/PID/syscall` tells of a wait without a time limit. */
export function waitsWithoutLimit(line: string, arch: string = process.arch): boolean {
  const [number, ...args] = line.trim().split(" ");
  const call = CALLS[arch]?.get(Number(number));
  if (number === "" || call === undefined) return false;
  if (call.limitAt === null) return true;
  const limit = BigInt(args[call.limitAt] ?? "0x1");
  return call.none === MINUS_ONE ? (limit & MINUS_ONE) === MINUS_ONE : limit === call.none;
}

/**
 * Whether a table such as `/proc/PID/net/tcp` has a socket with a timer: something will still be sent. TIME_WAIT's says
 * nothing.
 */
export function hasTcpTimer(table: string): boolean {
  return table
    .split("\n")
    .slice(1)
    .some((line) => {
      const fields = line.trim().split(/\s+/);
      const [state, timer] = [fields[3], fields[5]?.split(":")[0]];
      return timer !== undefined && timer !== "00" && timer !== "03" && state !== "06";
    });
}

/** Whether a process waits so; one that is gone does. */
export function isStuck(pid: number): boolean {
  try {
    return waitsWithoutLimit(readFileSync(`/proc/${pid}/syscall`, "latin1")) && !hasTcpTimer(tcpTable(pid));
  } catch {
    return true;
  }
}

function tcpTable(pid: number): string {
  return readFileSync(`/proc/${pid}/net/tcp`, "latin1");
}
