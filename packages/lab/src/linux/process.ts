/// <reference types="node" />
/**
 * Commands on a host of real Linux. Each script is bash's, in the host's network namespace and in a UTS namespace of
 * its own (so that `hostname` tells the host's name), as a session of its own (so that a signal reaches all of it).
 *
 * A terminal shows stdout and stderr in the order in which they were written, which two pipes lose. A relay keeps it:
 * both streams are datagram sockets connected to one receiver, whose queue has the writes in order and says of each
 * which socket it came from. Node has no such sockets; Perl, of which Debian is never without, has.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { TextDecoder } from "node:util";
import type { BackgroundCommand, CommandOutput } from "../backend.js";
import { isStuck } from "./idle.js";
import { ENVIRONMENT, type Namespaces } from "./namespaces.js";

/**
 * Runs its arguments as a command. Writes frames: one letter (o, e: output; x: exit, with the status as text), the
 * length (32 bits, big endian), the bytes.
 */
const RELAY = String.raw`
use strict; use Socket; use POSIX ();
my $any = pack("S", AF_UNIX);
my @sock = map { socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!"; bind($s, $any) or die "bind: $!"; $s } 0..2;
my ($in, $out, $err) = @sock;
connect($_, getsockname $in) or die "connect: $!" for $out, $err;
my $from_err = getsockname $err;
setsockopt($_, SOL_SOCKET, SO_SNDBUF, 1 << 22) for $out, $err;
$SIG{CHLD} = sub {};
my $pid = fork // die "fork: $!";
if (!$pid) {
  POSIX::dup2(fileno $out, 1); POSIX::dup2(fileno $err, 2); close $_ for @sock;
  exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!";
}
$SIG{$_} = "IGNORE" for qw(INT TERM HUP PIPE);
close $out; close $err; binmode STDOUT; $| = 1;
sub frame { print STDOUT $_[0], pack("N", length $_[1]), $_[1] }
my $status;
for (;;) {
  if (!defined $status && waitpid($pid, POSIX::WNOHANG()) == $pid) {
    $status = ($? & 127) ? 128 + ($? & 127) : $? >> 8;
  }
  my $set = ""; vec($set, fileno $in, 1) = 1;
  my $ready = select($set, undef, undef, defined $status ? 0 : 0.1);
  if ($ready > 0) {
    my $from = recv($in, my $data, 1 << 22, 0);
    frame($from eq $from_err ? "e" : "o", $data) if defined $from;
  } elsif (defined $status) { last }
}
frame("x", $status);
`;

/** Sets the host's name, then becomes the script's shell: `bash -c`, as a person's messages say it. */
const ENTER = 'echo "$1" > /proc/sys/kernel/hostname; cd "$2" || exit; exec bash -c "$3"';

/** A script at work on a host. */
export class LinuxProcess implements BackgroundCommand {
  /** Null until its turn has come. */
  #child: ChildProcess | null = null;
  readonly #ended: Promise<void>;
  #held = false;
  #stdout = "";
  #stderr = "";
  #text = "";
  #status: number | null = null;
  #pending: Buffer = Buffer.alloc(0);
  #startedAt: number = performance.now();
  #lastOutputAt = 0;
  #settling: Promise<void> | null = null;
  readonly #decoders: Record<"o" | "e", TextDecoder> = { o: new TextDecoder(), e: new TextDecoder() };
  readonly output: Omit<CommandOutput, "status">;
  readonly #begun: Promise<void>;

  /** Begins at once, or when `after` has come: when what was begun before it is ready. */
  constructor(namespaces: Namespaces, host: string, script: string, after: Promise<void> | null = null) {
    let begin: () => void = () => {};
    let fail: (error: unknown) => void = () => {};
    this.#ended = new Promise((resolve, reject) => {
      begin = () => this.#begin(namespaces, host, script, resolve, reject);
      fail = reject;
    });
    this.#ended.catch(() => {});
    if (after === null) begin();
    this.#begun = after === null ? Promise.resolve() : after.then(begin);
    this.#begun.catch(fail);
    const view = (): { stdout: string; stderr: string; text: string } => ({
      stdout: this.#stdout,
      stderr: this.#stderr,
      text: this.#text,
    });
    this.output = {
      get stdout() {
        return view().stdout;
      },
      get stderr() {
        return view().stderr;
      },
      get text() {
        return view().text;
      },
    };
  }

  #begin(
    namespaces: Namespaces,
    host: string,
    script: string,
    ended: () => void,
    failed: (error: Error) => void,
  ): void {
    const enter = ["unshare", "--uts", "ip", "netns", "exec", namespaces.nameOf(host)];
    const shell = ["bash", "-c", ENTER, "bash", host, namespaces.directoryOf(host), script];
    const child = spawn("perl", ["-e", RELAY, "stdbuf", "-oL", ...enter, ...shell], {
      env: { ...ENVIRONMENT, PATH: `${namespaces.folder}/bin:${ENVIRONMENT.PATH}` },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      cwd: "/",
    });
    this.#child = child;
    this.#startedAt = performance.now();
    child.stdout.on("data", (chunk: Buffer) => this.#read(chunk));
    child.stderr.on("data", (chunk: Buffer) => this.#write("e", chunk));
    child.once("error", failed);
    child.once("close", (code, signal) => {
      this.#status ??= signal === "SIGKILL" ? 137 : (code ?? 1);
      ended();
    });
    this.#hold(this.#held);
  }

  get status(): number | null {
    return this.#status;
  }

  /** Whether Node stays alive for this command. */
  #hold(held: boolean): void {
    this.#held = held;
    if (this.#child === null) return;
    const handles = [this.#child, this.#child.stdout, this.#child.stderr] as unknown as {
      ref(): void;
      unref(): void;
    }[];
    for (const handle of handles) {
      if (held) handle.ref();
      else handle.unref();
    }
  }

  #read(chunk: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    while (this.#pending.length >= 5) {
      const length = this.#pending.readUInt32BE(1);
      if (this.#pending.length < 5 + length) return;
      const kind = String.fromCharCode(this.#pending[0]);
      const body = this.#pending.subarray(5, 5 + length);
      this.#pending = this.#pending.subarray(5 + length);
      if (kind === "x") this.#status = Number(body.toString());
      else this.#write(kind as "o" | "e", body);
    }
  }

  #write(stream: "o" | "e", bytes: Uint8Array): void {
    const text = this.#decoders[stream].decode(bytes, { stream: true });
    this.#lastOutputAt = performance.now();
    this.#text += text;
    if (stream === "o") this.#stdout += text;
    else this.#stderr += text;
  }

  async wait(): Promise<void> {
    this.#hold(true);
    await this.#ended;
  }

  async kill(signal: "SIGINT" | "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.settled();
    if (this.#status !== null) return;
    for (const pid of this.#session()) {
      if (pid === this.#child?.pid && signal !== "SIGKILL") continue;
      try {
        process.kill(pid, signal);
      } catch {
        // Gone in the meantime.
      }
    }
    await this.wait();
  }

  /** The processes of the command, with the relay. */
  #session(): readonly number[] {
    return sessions().get(String(this.#child?.pid)) ?? [];
  }

  /**
   * What the processes were doing: the same text twice means that nothing ran in between; null while something runs.
   */
  #activity(): string | null {
    let text = `${this.#text.length}`;
    const begun = this.#session().filter((pid) => pid !== this.#child?.pid);
    // The relay has not begun the command yet.
    if (begun.length === 0) return null;
    for (const pid of begun) {
      const status = readProc(`/proc/${pid}/status`);
      const state = /^State:\t(.)/m.exec(status)?.[1] ?? "Z";
      if (state !== "S" && state !== "Z") return null;
      text += ` ${pid} ${/^voluntary_ctxt_switches:.*$/m.exec(status)?.[0]}`;
    }
    return text;
  }

  /**
   * What its processes were doing, where all of them wait without a time limit; null while one works or waits for a
   * time.
   */
  stuck(): string | null {
    const activity = this.#activity();
    const begun = this.#session().filter((pid) => pid !== this.#child?.pid);
    return activity !== null && begun.every(isStuck) ? activity : null;
  }

  /**
   * Waits until the command has ended or waits for something itself: a server listens, a capture catches. After three
   * seconds it counts as settled in any case: a command may be busy for good.
   */
  async settled(): Promise<void> {
    this.#settling ??= this.#settle();
    await this.#settling;
  }

  /** Waits until it has printed nothing for a moment: what a packet makes it print is printed then. */
  async quiet(): Promise<void> {
    const limit = performance.now() + SETTLE_LIMIT_MILLISECONDS;
    for (;;) {
      const wait = this.#lastOutputAt + QUIET_MILLISECONDS - performance.now();
      if (wait <= 0 || performance.now() > limit) return;
      await pause(wait);
    }
  }

  async #settle(): Promise<void> {
    await this.#begun;
    const limit = performance.now() + SETTLE_LIMIT_MILLISECONDS;
    let before: string | null = null;
    while (this.#status === null && performance.now() < limit) {
      const now = this.#activity();
      const old = performance.now() - Math.max(this.#startedAt, this.#lastOutputAt) > QUIET_MILLISECONDS;
      if (now !== null && now === before && old) return;
      before = now;
      await pause(QUIET_MILLISECONDS);
    }
  }
}

/** All processes by session, looked up at most every few milliseconds: many commands may be waited for at once. */
function sessions(): ReadonlyMap<string, readonly number[]> {
  if (performance.now() - lookedAt < 5) return known;
  const found = new Map<string, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const session = readProc(`/proc/${name}/stat`)
      .replace(/^.*\) /s, "")
      .split(" ")[3];
    if (session !== undefined) found.set(session, [...(found.get(session) ?? []), Number(name)]);
  }
  known = found;
  lookedAt = performance.now();
  return known;
}

let known: ReadonlyMap<string, readonly number[]> = new Map();
let lookedAt = Number.NEGATIVE_INFINITY;

/** So long nothing has to run for a command to count as waiting. */
const QUIET_MILLISECONDS = 30;
const SETTLE_LIMIT_MILLISECONDS = 3000;

/** Lets real time pass. */
export async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function readProc(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
