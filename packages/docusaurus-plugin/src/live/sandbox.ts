/**
 * Where cells run: a worker inside a frame that is sandboxed without an origin and forbidden every request (see
 * `sandbox-document.ts`). A cell of a lesson, of the reader's or of a stranger's link is the same to it: it can compute
 * and answer, and nothing else. The worker is not the frame's own thread, so an endless loop leaves the page alone;
 * taking the frame away ends it. Whatever comes out of the port a cell may have made up: it is data to check
 * (`readAnswer`), never anything to trust.
 */

/** A worker and the line to it. */
export interface Sandbox {
  readonly port: MessagePort;
  /** Ends the worker, whatever it does. */
  end(): void;
}

/**
 * Starts a worker.
 *
 * @param address of the page around the frame, `sandbox-document.ts`
 * @param code the worker's JavaScript: one script that loads nothing
 * @param onDeath called if the worker ends by itself, with the reason where there is one
 */
export function startSandbox(address: string, code: string, onDeath: (reason: string) => void): Sandbox {
  const frame = document.createElement("iframe");
  frame.hidden = true;
  frame.title = "Where cells run";
  // The site's own page, which the service worker answers offline; the frame that it makes has no origin.
  frame.src = address;
  const cells = new MessageChannel();
  const life = new MessageChannel();
  const timer = setTimeout(() => onDeath("the frame in which cells run did not open"), patienceMilliseconds);
  life.port1.addEventListener("message", ({ data }) => {
    clearTimeout(timer);
    if (data !== null) onDeath(String(data));
  });
  life.port1.start();
  frame.addEventListener(
    "load",
    () => frame.contentWindow?.postMessage(code, window.location.origin, [life.port2, cells.port2]),
    { once: true },
  );
  // Newer browsers say when the other end is gone.
  cells.port1.addEventListener("close", () => onDeath(""));
  document.body.append(frame);
  return {
    port: cells.port1,
    end() {
      clearTimeout(timer);
      cells.port1.close();
      life.port1.close();
      frame.remove();
    },
  };
}

/** A site that forbids frames would never let it open. */
const patienceMilliseconds = 10_000;
