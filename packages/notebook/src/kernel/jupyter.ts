/**
 * The kernel as Jupyter sees it: tslab's ZeroMQ server, with the protocol's missing parts added and its races removed.
 * Requests on the shell channel are served strictly one after the other; messages are queued per socket, so nothing is
 * lost however fast a cell prints. The protocol: https://jupyter-client.readthedocs.io/en/stable/messaging.html
 */
import { setImmediate as turn } from "node:timers/promises";
import type { ZmqServer } from "tslab/dist/jupyter.js";
import type { MimeBundle } from "../notebook/model.js";
import type { CellSink, Displayed, ErrorReport } from "../notebook/sink.js";
import { CoalescingSink } from "./coalesce.js";
import { dieWithParent } from "./orphan.js";
import { Session } from "./session.js";
import { loadTslab, tslabVersion } from "./tslab.js";

type Message = Parameters<ZmqServer["handleExecute"]>[1];
type Socket = Parameters<ZmqServer["handleShellMessage"]>[0];

interface ExecuteRequest {
  readonly code: string;
  readonly silent?: boolean;
  readonly stop_on_error?: boolean;
}

/** Requests tslab leaves unanswered, and what to answer. */
const unansweredRequests: Readonly<Record<string, object>> = {
  history_request: { status: "ok", history: [] },
  interrupt_request: { status: "ok" },
};

/**
 * Serves the connection file's sockets until a shutdown request comes or the parent process dies.
 *
 * @param connectionFile the path Jupyter gives as `{connection_file}`
 */
export async function startKernel(connectionFile: string): Promise<void> {
  dieWithParent();
  const tslab = loadTslab();
  const session = new Session(process.cwd());
  process.on("SIGINT", () => session.interrupt());

  class Server extends tslab.jupyter.ZmqServer {
    readonly #sendQueues: { tail: Promise<void> }[] = [];
    #shellWork: Promise<void> = Promise.resolve();
    /** Shell requests are numbered as they arrive. */
    #arrived = 0;
    #current = 0;
    /** Execute requests with numbers up to this one came before a failure was known, and are aborted. */
    #abortUpTo = 0;

    override async init(): Promise<void> {
      // A publisher drops what exceeds its high-water mark, 1000 messages; the mark has to be set before it is bound.
      let publisher = this.iopub;
      Object.defineProperty(this, "iopub", {
        get: () => publisher,
        set: (socket: typeof publisher) => {
          publisher = socket;
          if ("sendHighWaterMark" in socket) socket.sendHighWaterMark = 0;
        },
      });
      await super.init();
      // tslab's loops that receive hold the sockets themselves by now; from here on these only send and close.
      this.iopub = this.#sendInOrder(this.iopub);
      this.shell = this.#sendInOrder(this.shell);
      this.control = this.#sendInOrder(this.control);
    }

    /** A socket refuses to send while it is sending; so each message waits for the one before. */
    #sendInOrder<S extends { send(message: never): Promise<void>; close(): void }>(socket: S): S {
      const queue = { tail: Promise.resolve() };
      this.#sendQueues.push(queue);
      const inOrder: Pick<S, "send" | "close"> = {
        send: (message: never) => {
          queue.tail = queue.tail.then(() => socket.send(message)).catch(complain);
          return queue.tail;
        },
        close: () => socket.close(),
      };
      return inOrder as S;
    }

    override async handleShellMessage(socket: Socket, ...parts: Buffer[]): Promise<void> {
      if (socket === this.control) {
        await super.handleShellMessage(socket, ...parts).catch(complain);
        return;
      }
      const number = ++this.#arrived;
      this.#shellWork = this.#shellWork.then(async () => {
        this.#current = number;
        await super.handleShellMessage(socket, ...parts).catch(complain);
      });
      await this.#shellWork;
    }

    override publishStatus(status: string, parent: Message): void {
      super.publishStatus(status, parent);
      const type = parent.header.msg_type;
      const answer = status === "busy" ? unansweredRequests[type] : undefined;
      if (answer === undefined) return;
      if (type === "interrupt_request") session.interrupt();
      this.#reply(type === "interrupt_request" ? this.control : this.shell, parent, answer);
    }

    override async handleExecute(socket: Socket, message: Message): Promise<void> {
      const request = message.content as ExecuteRequest;
      if (this.#current <= this.#abortUpTo) {
        this.#reply(socket, message, { status: "aborted" });
        return;
      }
      const count = session.executionCount + 1;
      const publish = (type: string, content: object): void => {
        if (request.silent !== true || type === "error") this.#publish(message, type, content);
      };
      publish("execute_input", { code: request.code, execution_count: count });
      // A busy loop lets nothing out before it ends; so what is said already has to be out before it begins.
      await this.#everythingSent();
      const sink = new PublishingSink(publish, count);
      const coalesced = new CoalescingSink(sink);
      const ok = await session.run(request.code, coalesced);
      coalesced.flush();
      if (!ok && request.stop_on_error !== false) {
        // Whatever has been sent by now was sent without knowing of the failure: "run all" ends here.
        await this.#untilNothingArrives();
        this.#abortUpTo = this.#arrived;
      }
      const error = sink.firstError;
      this.#reply(
        socket,
        message,
        ok || error === undefined
          ? { status: "ok", execution_count: count, payload: [], user_expressions: {} }
          : { status: "error", execution_count: count, ...errorContent(error) },
      );
    }

    async #untilNothingArrives(): Promise<void> {
      for (let quiet = 0, seen = this.#arrived; quiet < 3; quiet++) {
        await turn();
        if (this.#arrived !== seen) [quiet, seen] = [-1, this.#arrived];
      }
    }

    override handleKernelInfo(socket: Socket, message: Message): void {
      const info = this.handler.handleKernel();
      this.#reply(socket, message, {
        ...info,
        status: "ok",
        implementation: "netfilter-lab",
        implementation_version: tslabVersion(),
        banner: `TypeScript ${tslab.ts.version} on Node ${process.version}, tslab ${tslabVersion()}`,
        language_info: { ...info.language_info, version: tslab.ts.version },
      });
    }

    override handleCommInfoRequest(socket: Socket, message: Message): void {
      this.#reply(socket, message, { status: "ok", comms: {} });
    }

    override handleShutdown(socket: Socket, message: Message): void {
      this.#reply(socket, message, { status: "ok", ...message.content });
    }

    /** Called by tslab after the reply to a shutdown request. */
    override close(): void {
      void this.#shutDown();
    }

    async #everythingSent(): Promise<void> {
      await Promise.all(this.#sendQueues.map((queue) => queue.tail));
    }

    async #shutDown(): Promise<void> {
      await this.#everythingSent();
      super.close();
      // Timers and servers a cell left behind must not keep the kernel alive.
      await turn();
      process.exit(0);
    }

    #reply(socket: Socket, request: Message, content: object): void {
      const reply = request.createReply();
      reply.header.msg_type = request.header.msg_type.replace(/_request$/, "_reply");
      reply.content = content;
      reply.signAndSend(this.connInfo.key, socket);
    }

    #publish(parent: Message, type: string, content: object): void {
      const message = parent.createReply();
      message.header.msg_type = type;
      message.content = content;
      message.signAndSend(this.connInfo.key, this.iopub);
    }
  }

  await new Server(new tslab.jupyter.JupyterHandlerImpl(session.executor, false), connectionFile).init();
}

/** Turns what a cell does into messages. */
class PublishingSink implements CellSink {
  firstError: ErrorReport | undefined;
  readonly #publish: (type: string, content: object) => void;
  readonly #count: number;

  constructor(publish: (type: string, content: object) => void, count: number) {
    this.#publish = publish;
    this.#count = count;
  }

  stream(name: "stdout" | "stderr", text: string): void {
    this.#publish("stream", { name, text });
  }

  display({ data, displayId, replaces }: Displayed): void {
    const transient = displayId === undefined ? {} : { display_id: displayId };
    this.#publish(replaces ? "update_display_data" : "display_data", { data, metadata: {}, transient });
  }

  result(data: MimeBundle): void {
    this.#publish("execute_result", { data, metadata: {}, execution_count: this.#count });
  }

  error(report: ErrorReport): void {
    this.firstError ??= report;
    this.#publish("error", errorContent(report));
  }
}

function errorContent(report: ErrorReport): object {
  return { ename: report.name, evalue: report.message, traceback: report.traceback };
}

/** To Jupyter's own log: no cell is to blame. */
function complain(error: unknown): void {
  process.stderr.write(`netfilter-lab kernel: ${error instanceof Error ? error.message : String(error)}\n`);
}
