/** Where in a walk the view is, and how one moves: all packets' frames as one row of stops. */
import { type Frame, type FramedPacket, isLandmark, type Landmark } from "../frames.js";

/** A frame of a packet, both by position. */
export interface Stop {
  readonly packet: number;
  readonly frame: number;
}

export class Timeline {
  readonly packets: readonly FramedPacket[];
  /** Whether it stops at every function, or only where something is decided or done. */
  every = false;
  #at: Stop = { packet: 0, frame: 0 };

  constructor(packets: readonly FramedPacket[]) {
    this.packets = packets;
  }

  get at(): Stop {
    return this.#at;
  }

  get packet(): FramedPacket {
    return this.packets[this.#at.packet] as FramedPacket;
  }

  get frame(): Frame {
    return this.packet.frames[this.#at.frame] as Frame;
  }

  /** All stops in order; the present one is among them even if one would not stop there now. */
  get stops(): Stop[] {
    return this.packets.flatMap(({ frames }, packet) =>
      frames
        .filter(({ main, index }) => this.every || main || (packet === this.#at.packet && index === this.#at.frame))
        .map(({ index }) => ({ packet, frame: index })),
    );
  }

  /** The place of the present stop among {@link stops}. */
  get position(): number {
    return this.stops.findIndex(({ packet, frame }) => packet === this.#at.packet && frame === this.#at.frame);
  }

  /** Goes to a frame that exists; says whether it does. */
  goTo({ packet, frame }: Stop): boolean {
    if (this.packets[packet]?.frames[frame] === undefined) return false;
    this.#at = { packet, frame };
    return true;
  }

  /** Goes to a stop by its place, or to the nearest. */
  goToPosition(position: number): void {
    const { stops } = this;
    const stop = stops[Math.max(0, Math.min(stops.length - 1, position))];
    if (stop !== undefined) this.goTo(stop);
  }

  /** One stop on or back; false at the end. */
  step(by: 1 | -1): boolean {
    const to = this.position + by;
    if (to < 0 || to >= this.stops.length) return false;
    this.goToPosition(to);
    return true;
  }

  /** The next landmark after the present stop; from the last on to the first. Null when there is none at all. */
  next(landmark: Landmark): Stop | null {
    const all = this.packets.flatMap(({ frames }, packet) =>
      frames.filter((frame) => isLandmark(frame, landmark)).map(({ index }) => ({ packet, frame: index })),
    );
    const { packet, frame } = this.#at;
    return all.find((stop) => stop.packet > packet || (stop.packet === packet && stop.frame > frame)) ?? all[0] ?? null;
  }
}
