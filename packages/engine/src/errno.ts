/** The error numbers of Linux that networking gives, and the texts that tools print for them (`strerror(3)`). */

export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const EINVAL = 22;
export const EMFILE = 24;
export const ENOSPC = 28;
export const EPIPE = 32;
export const EDOM = 33;
export const EXDEV = 18;
export const ETIME = 62;
export const ENONET = 64;
export const EPROTO = 71;
export const EMSGSIZE = 90;
export const ENOPROTOOPT = 92;
export const EPROTONOSUPPORT = 93;
export const EOPNOTSUPP = 95;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ENETDOWN = 100;
export const ENETUNREACH = 101;
export const ECONNABORTED = 103;
export const ECONNRESET = 104;
export const ENOBUFS = 105;
export const EISCONN = 106;
export const ENOTCONN = 107;
export const ETIMEDOUT = 110;
export const ECONNREFUSED = 111;
export const ESHUTDOWN = 108;
export const EHOSTDOWN = 112;
export const EHOSTUNREACH = 113;
export const EALREADY = 114;

const TEXTS: ReadonlyMap<number, readonly [string, string]> = new Map([
  [EPERM, ["EPERM", "Operation not permitted"]],
  [ENOENT, ["ENOENT", "No such file or directory"]],
  [ESRCH, ["ESRCH", "No such process"]],
  [EAGAIN, ["EAGAIN", "Resource temporarily unavailable"]],
  [ENOMEM, ["ENOMEM", "Cannot allocate memory"]],
  [EACCES, ["EACCES", "Permission denied"]],
  [EBUSY, ["EBUSY", "Device or resource busy"]],
  [EEXIST, ["EEXIST", "File exists"]],
  [EXDEV, ["EXDEV", "Invalid cross-device link"]],
  [ENODEV, ["ENODEV", "No such device"]],
  [EINVAL, ["EINVAL", "Invalid argument"]],
  [EMFILE, ["EMFILE", "Too many open files"]],
  [ENOSPC, ["ENOSPC", "No space left on device"]],
  [EPIPE, ["EPIPE", "Broken pipe"]],
  [EDOM, ["EDOM", "Numerical argument out of domain"]],
  [ETIME, ["ETIME", "Timer expired"]],
  [ENONET, ["ENONET", "Machine is not on the network"]],
  [EPROTO, ["EPROTO", "Protocol error"]],
  [EMSGSIZE, ["EMSGSIZE", "Message too long"]],
  [ENOPROTOOPT, ["ENOPROTOOPT", "Protocol not available"]],
  [EPROTONOSUPPORT, ["EPROTONOSUPPORT", "Protocol not supported"]],
  [EOPNOTSUPP, ["EOPNOTSUPP", "Operation not supported"]],
  [EADDRINUSE, ["EADDRINUSE", "Address already in use"]],
  [EADDRNOTAVAIL, ["EADDRNOTAVAIL", "Cannot assign requested address"]],
  [ENETDOWN, ["ENETDOWN", "Network is down"]],
  [ENETUNREACH, ["ENETUNREACH", "Network is unreachable"]],
  [ECONNABORTED, ["ECONNABORTED", "Software caused connection abort"]],
  [ECONNRESET, ["ECONNRESET", "Connection reset by peer"]],
  [ENOBUFS, ["ENOBUFS", "No buffer space available"]],
  [EISCONN, ["EISCONN", "Transport endpoint is already connected"]],
  [ENOTCONN, ["ENOTCONN", "Transport endpoint is not connected"]],
  [ETIMEDOUT, ["ETIMEDOUT", "Connection timed out"]],
  [ECONNREFUSED, ["ECONNREFUSED", "Connection refused"]],
  [ESHUTDOWN, ["ESHUTDOWN", "Cannot send after transport endpoint shutdown"]],
  [EHOSTDOWN, ["EHOSTDOWN", "Host is down"]],
  [EHOSTUNREACH, ["EHOSTUNREACH", "No route to host"]],
  [EALREADY, ["EALREADY", "Operation already in progress"]],
]);

/** `ECONNREFUSED` of 111. */
function errnoName(errno: number): string {
  return TEXTS.get(errno)?.[0] ?? `E${errno}`;
}

/** `Connection refused` of 111, as `strerror()` has it. */
export function strerror(errno: number): string {
  return TEXTS.get(errno)?.[1] ?? `Unknown error ${errno}`;
}

/**
 * A system call's refusal. `extack` is the sentence the kernel adds to its netlink answer, where it adds one:
 * iproute2 then prints `Error: <extack>.`, else `RTNETLINK answers: <strerror>`.
 */
export class SystemError extends Error {
  /** Positive error number. */
  readonly errno: number;
  readonly extack: string | null;

  constructor(errno: number, extack: string | null = null) {
    super(extack ?? strerror(errno));
    this.name = "SystemError";
    this.errno = errno;
    this.extack = extack;
  }

  /** `ENETUNREACH` and the like. */
  get code(): string {
    return errnoName(this.errno);
  }
}
