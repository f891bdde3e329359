/**
 * The kernel over its real sockets, as Jupyter speaks to it. Each test of "mends" fails with tslab's own kernel: set
 * NETFILTER_LAB_TEST_STOCK=1 to see it (all but the orphan's, which needs our way to start a kernel).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import type * as Zmq from "zeromq";

const require = createRequire(import.meta.url);
const zmq = createRequire(require.resolve("tslab/dist/jupyter.js"))("zeromq") as typeof Zmq;
const kernelFile = fileURLToPath(new URL("../../bin/kernel.mjs", import.meta.url));
const stock = process.env["NETFILTER_LAB_TEST_STOCK"] !== undefined;

interface Message {
  readonly type: string;
  readonly parent: string;
  readonly content: Record<string, unknown>;
}

/** A minimal Jupyter front end. */
class FrontEnd {
  readonly process: ChildProcess;
  readonly published: Message[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), "netfilter-lab-kernel-"));
  readonly #key = randomUUID();
  readonly #shell = new zmq.Dealer();
  readonly #control = new zmq.Dealer();
  readonly #iopub = new zmq.Subscriber();
  readonly #replies = new Map<string, Message>();
  readonly #waiting = new Set<() => void>();

  constructor() {
    const connection = {
      transport: "ipc",
      ip: join(this.#folder, "k"),
      key: this.#key,
      signature_scheme: "hmac-sha256",
      kernel_name: "netfilter-lab",
    };
    const ports = { shell_port: 1, iopub_port: 2, stdin_port: 3, control_port: 4, hb_port: 5 };
    const file = join(this.#folder, "connection.json");
    writeFileSync(file, JSON.stringify({ ...connection, ...ports }));
    // ipc addresses are "ipc://<ip>-<port>"; tslab writes ":" where Jupyter writes "-", both ends do it here.
    const command = stock ? [require.resolve("tslab/bin/tslab"), "kernel", "--config-path", file] : [kernelFile, file];
    this.process = spawn(process.execPath, command, { cwd: this.#folder, stdio: ["ignore", "inherit", "pipe"] });
    this.#iopub.receiveHighWaterMark = 0;
    this.#iopub.subscribe();
    for (const [socket, port] of [
      [this.#shell, 1],
      [this.#control, 4],
      [this.#iopub, 2],
    ] as const) {
      socket.connect(`ipc://${connection.ip}:${port}`);
      void this.#receive(socket);
    }
  }

  async #receive(socket: Zmq.Dealer | Zmq.Subscriber): Promise<void> {
    for await (const frames of socket) {
      const at = frames.findIndex((frame) => frame.toString() === "<IDS|MSG>");
      const [, header, parent, , content] = frames.slice(at + 1).map((frame) => frame.toString());
      const message: Message = {
        type: (JSON.parse(header!) as { msg_type: string }).msg_type,
        parent: (JSON.parse(parent!) as { msg_id?: string }).msg_id ?? "",
        content: JSON.parse(content!) as Message["content"],
      };
      if (socket === this.#iopub) this.published.push(message);
      else this.#replies.set(message.parent, message);
      for (const wake of this.#waiting) wake();
    }
  }

  /** Sends a request and returns its id. */
  async send(type: string, content: object, channel: "shell" | "control" = "shell"): Promise<string> {
    const id = randomUUID();
    const header = { msg_id: id, msg_type: type, session: "s", username: "u", version: "5.3", date: "" };
    const parts = [header, {}, {}, content].map((part) => JSON.stringify(part));
    const hmac = createHmac("sha256", this.#key);
    for (const part of parts) hmac.update(part);
    await (channel === "shell" ? this.#shell : this.#control).send(["<IDS|MSG>", hmac.digest("hex"), ...parts]);
    return id;
  }

  async until<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.#waiting.delete(wake);
          resolve();
        };
        this.#waiting.add(wake);
      });
    }
  }

  reply(id: string): Promise<Message> {
    return this.until(() => this.#replies.get(id));
  }

  /** What was published for a request, without status messages, once it is idle. */
  async publishedFor(id: string): Promise<Message[]> {
    const mine = (): Message[] => this.published.filter((message) => message.parent === id);
    await this.until(() =>
      mine().find(({ type, content }) => type === "status" && content["execution_state"] === "idle"),
    );
    return mine().filter(({ type }) => type !== "status");
  }

  /** Waits until the kernel answers and what it publishes arrives: a subscription takes a moment to reach it. */
  async ready(): Promise<this> {
    while (this.published.length === 0) {
      await this.reply(await this.send("kernel_info_request", {}));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this;
  }

  /** Runs a cell: its reply, and what it published. */
  async run(code: string, more: object = {}): Promise<{ reply: Message; published: Message[] }> {
    const id = await this.send("execute_request", { code, silent: false, store_history: true, ...more });
    return { reply: await this.reply(id), published: await this.publishedFor(id) };
  }

  close(): void {
    this.process.kill("SIGKILL");
    this.#shell.close();
    this.#control.close();
    this.#iopub.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

let frontEnd: FrontEnd;
afterEach(() => frontEnd.close());

const of = (messages: readonly Message[], type: string): Record<string, unknown>[] =>
  messages.filter((message) => message.type === type).map((message) => message.content);

describe("mends", { timeout: 240_000 }, () => {
  test("lost output: three thousand prints on two streams and as many displays all arrive, then idle", async () => {
    frontEnd = await new FrontEnd().ready();
    const { reply, published } = await frontEnd.run(
      'import { display as d } from "tslab";\nfor (let i = 0; i < 3000; i++) { console.log(i); console.error(i); d.text(`${i}`); }',
    );
    const expected = Array.from({ length: 3000 }, (_, index) => `${index}\n`).join("");
    for (const name of ["stdout", "stderr"]) {
      const text = of(published, "stream")
        .filter((content) => content["name"] === name)
        .map((content) => content["text"])
        .join("");
      // Not toBe: a difference of megabytes helps nobody.
      expect({ name, complete: text === expected }).toEqual({ name, complete: true });
    }
    expect(of(published, "display_data")).toHaveLength(3000);
    expect(reply.content["status"]).toBe("ok");
  });

  test("the abort window: a cell sent once the failure is known runs", async () => {
    frontEnd = await new FrontEnd().ready();
    const failed = await frontEnd.run("throw new Error('one')");
    const next = await frontEnd.run("console.log('two')");
    expect([failed.reply.content["status"], next.reply.content["status"]]).toEqual(["error", "ok"]);
    expect(of(next.published, "stream")).toEqual([{ name: "stdout", text: "two\n" }]);
  });

  test("error, execute_input and execute_result are sent, and counted", async () => {
    frontEnd = await new FrontEnd().ready();
    const first = await frontEnd.run("6 * 7");
    expect(first.published.map(({ type, content }) => [type, content])).toEqual([
      ["execute_input", { code: "6 * 7", execution_count: 1 }],
      ["execute_result", { data: { "text/plain": "42" }, metadata: {}, execution_count: 1 }],
    ]);
    const second = await frontEnd.run("const n = 2;\n\nthrow new RangeError(`n is ${n}`);");
    const error = { ename: "RangeError", evalue: "n is 2", traceback: ["RangeError: n is 2", "    at In[2]:3:7"] };
    expect(of(second.published, "error")).toEqual([error]);
    expect(second.reply.content).toEqual({ status: "error", execution_count: 2, ...error });
  });

  test.each([
    [
      "a throw in a timer the cell waits beyond",
      "setTimeout(() => { throw new Error('x') }, 1);\nawait new Promise(() => {});",
    ],
    ["a rejection nobody handles", "void Promise.reject(new Error('x'));"],
    [
      "a rejection in a later turn, while the cell waits",
      "void (async () => { await null; throw new Error('x') })();\nawait new Promise((r) => setTimeout(r, 20));",
    ],
  ])("async throws fail the cell: %s", async (_title, code) => {
    frontEnd = await new FrontEnd().ready();
    const { reply, published } = await frontEnd.run(code);
    expect(reply.content).toMatchObject({ status: "error", ename: "Error", evalue: "x" });
    expect(of(published, "error")).toHaveLength(1);
  });

  test("orphans: a kernel whose parent died ends, even in a busy loop", async () => {
    frontEnd = new FrontEnd();
    const script = `
      const { spawn } = require("node:child_process");
      const { writeFileSync } = require("node:fs");
      const child = spawn(process.execPath, JSON.parse(process.argv[1]), { stdio: ["ignore", "ignore", "ignore", "ipc"] });
      child.on("message", () => {
        child.send({ type: "run", cell: 0, source: "for (;;) {}" }, () => console.log(child.pid));
      });`;
    const parent = spawn(process.execPath, ["-e", script, JSON.stringify([kernelFile])], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const pid = Number(
      await new Promise<string>((resolve) => parent.stdout.once("data", (data: Buffer) => resolve(data.toString()))),
    );
    expect(isRunning(pid)).toBe(true);
    parent.kill("SIGKILL");
    while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 50));
  });

  test("stack traces name cells, and no folder", async () => {
    frontEnd = await new FrontEnd().ready();
    await frontEnd.run(
      "// A comment.\nimport { readFileSync } from 'node:fs';\n\nfunction read(name: string): string {\n  return readFileSync(name, 'utf8');\n}",
    );
    const { published } = await frontEnd.run("await null;\nread('missing.txt')");
    const [error] = of(published, "error") as { traceback: string[] }[];
    expect(error?.traceback.slice(0, 3)).toEqual([
      "Error: ENOENT: no such file or directory, open 'missing.txt'",
      "    at read (In[1]:5:22)",
      "    at In[2]:2:1 {",
    ]);
    const missing = await frontEnd.run("require('not-there')");
    expect(of(missing.published, "error")[0]?.["traceback"]).toEqual(["Error: Cannot find module 'not-there'"]);
  });
});

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

describe("protocol", { timeout: 240_000 }, () => {
  test("run all: what was sent before the failure was known is aborted, busy loop or not, and then it runs again", async () => {
    frontEnd = await new FrontEnd().ready();
    const busy = "const end = Date.now() + 300; while (Date.now() < end); throw new Error('x')";
    const ids: string[] = [];
    for (const code of [busy, "1", "2", "3"]) ids.push(await frontEnd.send("execute_request", { code, silent: false }));
    const replies = await Promise.all(ids.map((id) => frontEnd.reply(id)));
    expect(replies.map(({ content }) => content["status"])).toEqual(["error", "aborted", "aborted", "aborted"]);
    const kept = await Promise.all(
      ["throw new Error('y')", "1"].map((code) => frontEnd.run(code, { stop_on_error: false })),
    );
    expect(kept.map(({ reply }) => reply.content["status"])).toEqual(["error", "ok"]);
  });

  test("what a cell leaves running prints into that cell", async () => {
    frontEnd = await new FrontEnd().ready();
    const id = await frontEnd.send("execute_request", {
      code: "setTimeout(() => console.log('late'), 100);\n0",
      silent: false,
    });
    await frontEnd.reply(id);
    const { published } = await frontEnd.run("await new Promise((r) => setTimeout(r, 300))");
    expect(of(published, "stream")).toEqual([]);
    expect(
      of(
        frontEnd.published.filter((message) => message.parent === id),
        "stream",
      ),
    ).toEqual([{ name: "stdout", text: "late\n" }]);
  });

  test("requests tslab leaves open are answered", async () => {
    frontEnd = await new FrontEnd().ready();
    const types = ["history_request", "comm_info_request", "kernel_info_request", "is_complete_request"];
    for (const type of types) {
      const reply = await frontEnd.reply(await frontEnd.send(type, { code: "1 +" }));
      expect(reply.type).toBe(type.replace("request", "reply"));
    }
  });

  test.each([
    ["a busy loop", "for (;;) {}"],
    ["a cell that waits", "await new Promise(() => {})"],
  ])("an interrupt ends %s, and the next cell runs", async (_title, code) => {
    frontEnd = await new FrontEnd().ready();
    const id = await frontEnd.send("execute_request", { code, silent: false });
    await frontEnd.until(() =>
      frontEnd.published.find(({ type, parent }) => parent === id && type === "execute_input"),
    );
    // The signal may come before the cell has been compiled; then it is sent again.
    const again = setInterval(() => frontEnd.process.kill("SIGINT"), 300);
    const reply = await frontEnd.reply(id);
    clearInterval(again);
    expect(reply.content).toMatchObject({ status: "error", ename: "Interrupted" });
    expect((await frontEnd.run("1")).reply.content["status"]).toBe("ok");
  });

  test("shutdown is answered, and ends the process whatever runs in it", async () => {
    frontEnd = await new FrontEnd().ready();
    await frontEnd.run("setInterval(() => {}, 1000);");
    const exited = new Promise((resolve) => frontEnd.process.once("exit", (code) => resolve(code)));
    const reply = await frontEnd.reply(await frontEnd.send("shutdown_request", { restart: true }, "control"));
    expect(reply.content).toEqual({ status: "ok", restart: true });
    expect(await exited).toBe(0);
  });
});
