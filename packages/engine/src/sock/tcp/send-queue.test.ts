import { describe, expect, it } from "vitest";
import { type OutSegment, SendQueue } from "./send-queue.js";

const ISS = 0xfffffff0;
const BIG = 1_000_000;

/** A queue behind a finished handshake, with so many bytes written. */
function opened(bytes: number, mss = 100): SendQueue {
  const queue = new SendQueue(ISS);
  queue.countSyn();
  queue.acknowledge(queue.nxt);
  queue.append(new Uint8Array(bytes), mss);
  return queue;
}

/** `offset+length`, with F and P, as counted from the first byte of the stream. */
function show({ seq, data, fin, push }: OutSegment): string {
  return `${(seq - ISS - 1) >>> 0}+${data.length}${push ? "P" : ""}${fin ? "F" : ""}`;
}

/** Sends all that may go. */
function send(queue: SendQueue, congestion: number, window: number, mss = 100): string[] {
  const out: string[] = [];
  for (;;) {
    const segment = queue.next(congestion, window, mss);
    if (segment === null) return out;
    segment.firstSentMicros = 0;
    out.push(show(segment));
  }
}

describe("what may be sent", () => {
  it.each<[string, number, number, number, string[]]>([
    ["all", 250, 10, BIG, ["0+100", "100+100"]],
    ["as many segments as are not congesting", 400, 2, BIG, ["0+100", "100+100"]],
    ["what the window takes", 400, 10, 200, ["0+100", "100+100"]],
    ["no silly segment behind others", 400, 10, 250, ["0+100", "100+100"]],
    ["a part of a segment, when nothing is under way", 400, 10, 40, ["0+40"]],
    ["nothing into a closed window", 400, 10, 0, []],
    ["a small segment alone", 40, 10, BIG, ["0+40P"]],
  ])("%s", (_, bytes, congestion, window, expected) => {
    const queue = opened(bytes);
    // The last, small segment of 250 bytes waits for none but small ones (Minshall).
    if (bytes === 250) expected.push("200+50P");
    expect(send(queue, congestion, window)).toEqual(expected);
  });

  it("one small segment under way at a time; the end of the stream waits for none", () => {
    const queue = opened(30);
    expect(send(queue, 10, BIG)).toEqual(["0+30P"]);
    queue.append(new Uint8Array(20), 100);
    expect(send(queue, 10, BIG)).toEqual([]);
    queue.appendFin();
    expect(send(queue, 10, BIG)).toEqual(["30+20PF"]);
    expect((queue.end - ISS) >>> 0).toBe(1 + 50 + 1);
  });

  it("an end by itself goes into a closed window", () => {
    const queue = opened(0);
    queue.appendFin();
    expect(send(queue, 10, 0)).toEqual(["0+0F"]);
  });

  it("a SYN keeps data behind it, and is no data itself", () => {
    const queue = new SendQueue(ISS);
    const syn = queue.appendSyn();
    syn.firstSentMicros = 0;
    queue.append(new Uint8Array(10), 100);
    expect([queue.sent, queue.empty]).toEqual([1, false]);
    expect(queue.acknowledge(queue.nxt)).toEqual({ segments: 1, newest: syn });
    expect(send(queue, 10, BIG)).toEqual(["0+10P"]);
  });
});

describe("acknowledgements", () => {
  it("take whole segments, shorten the one they part, and name the newest that was sent once", () => {
    const queue = opened(300);
    send(queue, 10, BIG);
    const [first, second] = [...queue.holes()];
    second.retransmitted = true;
    const taken = queue.acknowledge((ISS + 1 + 230) >>> 0);
    expect(taken).toEqual({ segments: 2, newest: first });
    expect([...queue.holes()].map(show)).toEqual(["230+70P"]);
  });

  it("SACK marks what lies within a block; the rest are holes", () => {
    const queue = opened(400);
    send(queue, 10, BIG);
    queue.markReceived([{ left: (ISS + 1 + 100) >>> 0, right: (ISS + 1 + 350) >>> 0 }]);
    expect([[...queue.holes()].map(show), queue.inFlight, queue.oldest === queue.firstHole]).toEqual([
      ["0+100", "300+100P"],
      2,
      true,
    ]);
  });

  it("with all reported the oldest is repeated", () => {
    const queue = opened(100);
    send(queue, 10, BIG);
    queue.markReceived([{ left: (ISS + 1) >>> 0, right: (ISS + 101) >>> 0 }]);
    expect([queue.firstHole, queue.oldest === null]).toEqual([null, false]);
  });
});

describe("a smaller segment size", () => {
  it("cuts what was sent and what was not; the marks stay with the end", () => {
    const queue = opened(300);
    send(queue, 2, BIG);
    queue.appendFin();
    queue.cutAll(60);
    expect([...queue.holes()].map(show)).toEqual(["0+60", "60+40", "100+60", "160+40"]);
    expect(send(queue, 10, BIG, 60)).toEqual(["200+60", "260+40PF"]);
  });

  it("a walker over the holes sees what it cuts", () => {
    const queue = opened(100);
    send(queue, 10, BIG);
    const seen: string[] = [];
    for (const segment of queue.holes()) {
      queue.cut(segment, 40);
      seen.push(show(segment));
    }
    expect(seen).toEqual(["0+40", "40+40", "80+20P"]);
  });
});
