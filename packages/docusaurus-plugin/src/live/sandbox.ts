/**
 * Where cells run: a worker inside a frame that is sandboxed without an origin and forbidden every request. A cell of a
 * lesson, of the reader's or of a stranger's link is the same to it: it can compute and answer, and nothing else. The
 * worker is not the frame's own thread, so an endless loop leaves the page alone; taking the frame away ends it.
 */

/** The frame's page. Its policy is inherited by the worker. */
const frameHtml = `<!doctype html>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; worker-src blob:">
<title>Cells</title>
<script>
addEventListener("message", ({ source, data, ports }) => {
  if (source !== parent) return;
  const worker = new Worker(URL.createObjectURL(new Blob([data], { type: "text/javascript" })));
  worker.addEventListener("error", (event) => parent.postMessage(event.message || "it could not be started", "*"));
  worker.postMessage(null, ports);
}, { once: true });
</script>`;

/** A worker and the line to it. */
export interface Sandbox {
  readonly port: MessagePort;
  /** Ends the worker, whatever it does. */
  end(): void;
}

/**
 * Starts a worker.
 *
 * @param code the worker's JavaScript
 * @param onDeath called if the worker ends by itself, with the reason where there is one
 */
export function startSandbox(code: string, onDeath: (reason: string) => void): Sandbox {
  const frame = document.createElement("iframe");
  frame.hidden = true;
  frame.title = "Where cells run";
  frame.setAttribute("sandbox", "allow-scripts");
  frame.srcdoc = frameHtml;
  const { port1, port2 } = new MessageChannel();
  frame.addEventListener("load", () => frame.contentWindow?.postMessage(code, "*", [port2]), { once: true });
  const heard = ({ source, data }: MessageEvent): void => {
    if (source === frame.contentWindow && source !== null) onDeath(String(data));
  };
  addEventListener("message", heard);
  // Newer browsers say when the other end is gone.
  port1.addEventListener("close", () => onDeath(""));
  document.body.append(frame);
  return {
    port: port1,
    end() {
      removeEventListener("message", heard);
      port1.close();
      frame.remove();
    },
  };
}
