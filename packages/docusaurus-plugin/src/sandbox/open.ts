/**
 * Opens the sandbox from a page: a hidden frame of an opaque origin with a worker in it. What runs there can use the
 * reader's processor and nothing else: not the site's storage, cookies, pages or files, nor the network. Whatever comes
 * out of the port was possibly made up by a cell: it is data to check, never anything to trust.
 */

/** A running worker of an opaque origin. */
export interface Sandbox {
  /** To and from the worker, which gets its end with the first `message` event it receives. */
  readonly port: MessagePort;
  /** Ends the worker at once, whatever it is doing. */
  close(): void;
}

/** What the sandbox is made of. */
export interface SandboxOptions {
  /** The address of the sandbox's document, on the page's own site. */
  readonly document: string;
  /** The worker's program: one classic script that loads nothing. */
  readonly workerCode: string;
  /** Called once if the worker fails outside of any cell, or could not be started. Not called after `close`. */
  readonly onDeath: (reason: string) => void;
}

/** The frame must answer within this time; a site that forbids frames would never let it. */
const patienceMilliseconds = 10_000;

/** Starts a worker in a sandbox of its own. Messages posted before it runs wait in the port. */
export function openSandbox({ document: address, workerCode, onDeath }: SandboxOptions): Sandbox {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.setAttribute("allow", "");
  frame.setAttribute("aria-hidden", "true");
  frame.title = "Where the cells of this lesson run";
  frame.tabIndex = -1;
  frame.hidden = true;
  frame.src = address;

  const cells = new MessageChannel();
  const life = new MessageChannel();
  let open = true;
  const die = (reason: string): void => {
    if (!open) return;
    close();
    onDeath(reason);
  };
  const timer = setTimeout(() => die("the frame in which cells run did not open"), patienceMilliseconds);
  const close = (): void => {
    open = false;
    clearTimeout(timer);
    frame.remove();
    cells.port1.close();
    life.port1.close();
  };
  life.port1.addEventListener("message", ({ data }) => {
    if (data === null) clearTimeout(timer);
    else die(String(data));
  });
  life.port1.start();
  // An opaque origin has no name to address. Whatever came into the frame instead of the document can do no more with
  // the worker's text than the site's own visitors, who may all read it.
  frame.addEventListener("load", () => frame.contentWindow?.postMessage(workerCode, "*", [life.port2, cells.port2]), {
    once: true,
  });
  document.body.append(frame);
  return { port: cells.port1, close };
}
