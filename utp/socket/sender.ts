/**
 * The sending side of a connection: what goes out next, and what acks mean.
 *
 * @module
 */
import {
  UTP_HEADER_LENGTH,
  type UtpPacket,
  writeUtpPadding,
} from "../packet.ts";
import { CongestionWindow, TARGET_DELAY_US } from "./congestion.ts";
import type { Counters, UtpSocketMachineOptions } from "./options.ts";
import { PathMtu } from "./path_mtu.ts";
import { RoundTrip } from "./round_trip.ts";
import { SendQueue } from "./send_queue.ts";

/** Bytes of payload before the other side has shown that it is there. */
const UNCONFIRMED_PAYLOAD = 128;
const RESENDS_PER_ACK = 4;
/** Acks that say the same, after which a packet is lost. */
const DUPLICATE_ACKS = 3;
/** Waits in vain that end a connection; fewer when only the FIN is left. */
const MAX_FAILURES = 4;
const MAX_FIN_FAILURES = 2;
/** Times that an idle window shrinks, at most. */
const MAX_IDLE_CUTS = 12;

/** Joins send queue, congestion window, round trips and path MTU. */
export class Sender {
  readonly queue: SendQueue;
  readonly window: CongestionWindow;
  readonly mtu: PathMtu;
  readonly roundTrip = new RoundTrip();
  readonly #counters: Counters;
  readonly #mtuFloor: number;
  #peerWindow: number;
  #duplicateAcks = 0;
  #failures = 0;
  #isFull = false;
  #wantsEnd = false;
  /** Whether a packet may go out although the other window is shut. */
  #mayProbeWindow = false;
  #sentAt = -Infinity;
  /** When the oldest packet counts as lost. */
  resendAt = Infinity;
  /** When a window that is shut is to be looked at. */
  windowProbeAt = Infinity;

  constructor(
    options: UtpSocketMachineOptions,
    seqNr: number,
    counters: Counters,
  ) {
    this.#counters = counters;
    this.queue = new SendQueue(seqNr, options.maxSendBuffer ?? 1_048_576);
    this.#mtuFloor = options.mtuFloor ?? 548;
    this.mtu = new PathMtu({
      floor: this.#mtuFloor,
      ceiling: options.mtuCeiling ?? 1472,
    });
    this.window = new CongestionWindow(this.fullSize);
    this.#peerWindow = this.fullSize;
  }

  /** Bytes of payload in a full packet. */
  get fullSize(): number {
    return this.mtu.size - UTP_HEADER_LENGTH;
  }

  /** Whether no more can be written. */
  get wantsEnd(): boolean {
    return this.#wantsEnd;
  }

  /** After what was written comes a FIN. */
  end(): void {
    this.#wantsEnd = true;
  }

  /** Takes the acks of a packet, and what it tells of delay and window. */
  acknowledge(
    packet: UtpPacket,
    ahead: number,
    delay: number | undefined,
    now: number,
  ): void {
    const { queue, mtu, roundTrip } = this;
    const flying = queue.inFlight;
    const windowBefore = this.#peerWindow;
    this.#peerWindow = packet.windowSize;
    if (packet.windowSize > 0) this.windowProbeAt = Infinity;
    queue.acknowledge(packet, now, roundTrip.least);
    if (queue.roundTrip >= 0) roundTrip.add(queue.roundTrip);
    if (queue.probeArrived > 0 && mtu.probing === queue.probeArrived) {
      mtu.ended(true, now);
      this.window.packetSize = this.fullSize;
    }
    if (queue.isProgress) {
      this.#failures = 0;
      this.#counters.bytesAcked += queue.ackedBytes;
      this.#adjustWindow(flying, delay);
      this.resendAt = queue.packets === 0
        ? Infinity
        : now + roundTrip.timeout(0);
    }
    if (
      ahead === 0 && packet.type === "state" && packet.sackLength === 0 &&
      queue.packets > 0 && packet.windowSize === windowBefore
    ) {
      if (++this.#duplicateAcks === DUPLICATE_ACKS) {
        this.#lost(queue.first, queue.loseFirst(), now);
      }
    } else this.#duplicateAcks = 0;
    for (let i = 0; i < RESENDS_PER_ACK; i++) {
      const number = queue.findLost();
      if (number < 0) break;
      this.#lost(number, queue.lose(number), now);
    }
  }

  #adjustWindow(flying: number, delay: number | undefined): void {
    const { queue } = this;
    if (delay !== undefined) {
      // A delay one way cannot be longer than both ways.
      if (queue.roundTrip >= 0) {
        delay = Math.min(delay, queue.roundTrip * 1000);
      }
      if (delay > TARGET_DELAY_US) this.#counters.samplesAbove++;
      else this.#counters.samplesBelow++;
    }
    this.window.acked(queue.ackedBytes, delay, flying, this.#isFull);
    this.#isFull = false;
  }

  /** A packet was lost, which may have been a probe of so many bytes. */
  #lost(number: number, probe: number, now: number): void {
    if (probe < 0) return;
    this.#counters.fastResends++;
    if (probe > 0) {
      // It was too long, which says nothing of how full the path is.
      if (this.mtu.probing === probe) this.mtu.ended(false, now);
    } else if (this.window.lost(number, this.queue.next, now)) {
      this.#counters.losses++;
    }
  }

  /** Looks at the clock. Returns whether the other side is to be given up. */
  tick(now: number, heardAt: number): boolean {
    if (now >= this.windowProbeAt) {
      this.windowProbeAt = Infinity;
      this.#mayProbeWindow = true;
    }
    if (now < this.resendAt) return false;
    this.resendAt = Infinity;
    const { queue, mtu } = this;
    this.#counters.timeouts++;
    const onlyProbe = mtu.probing > 0 && queue.packets === 1;
    if (mtu.probing > 0) mtu.ended(false, now);
    // A peer that answers, if only that its window is shut, is there.
    if (!onlyProbe && heardAt <= this.#sentAt) this.#failures++;
    const most = queue.hasFin && queue.packets === 1
      ? MAX_FIN_FAILURES
      : MAX_FAILURES;
    if (this.#failures >= most) return true;
    queue.loseAll();
    if (!onlyProbe) this.window.timedOut(queue.next, now);
    return false;
  }

  /**
   * Chooses or makes the packet that goes out next. Returns its number, or -1
   * for none.
   */
  next(isConfirmed: boolean, now: number): number {
    const { queue } = this;
    const lost = queue.nextLost();
    if (lost >= 0) return this.#hasRoom(queue.lengthOf(lost)) ? lost : -1;
    if (!queue.canAdd) return -1;
    const { unsent } = queue;
    if (unsent === 0) {
      return this.#wantsEnd && !queue.hasFin ? queue.add(0, false) : -1;
    }
    const full = this.fullSize;
    let size = Math.min(full, unsent);
    if (!isConfirmed) {
      if (queue.packets > 0) return -1;
      size = Math.min(size, UNCONFIRMED_PAYLOAD);
    }
    // Nagle: one packet that is not full.
    if (size < full && queue.hasShort && !this.#wantsEnd) return -1;
    size = this.#fit(size, now);
    if (size === 0 || !this.#hasRoom(size)) return -1;
    if (queue.packets === 0) this.#shrinkIdle(now);
    this.#mayProbeWindow = false;
    return queue.add(size, size < full);
  }

  /** Makes a payload fit into the other side's window. Returns 0 if it cannot. */
  #fit(size: number, now: number): number {
    const { unacked } = this.queue;
    const room = this.#peerWindow - unacked;
    if (size <= room) return size;
    if (unacked > 0) return 0;
    if (room > 0) return room;
    if (this.#mayProbeWindow) return 1;
    if (this.windowProbeAt === Infinity) {
      this.windowProbeAt = now + this.roundTrip.timeout(0);
    }
    return 0;
  }

  #hasRoom(size: number): boolean {
    const { inFlight } = this.queue;
    if (inFlight === 0 || inFlight + size <= this.window.size) return true;
    this.#isFull = true;
    return false;
  }

  /** What was known of the path grows old while nothing is sent. */
  #shrinkIdle(now: number): void {
    const step = this.roundTrip.timeout(0);
    let idle = now - this.#sentAt;
    if (idle === Infinity) return;
    for (let i = 0; i < MAX_IDLE_CUTS && idle > step; i++, idle -= step) {
      this.window.idled();
    }
  }

  /** Writes what comes behind the header. Returns bytes of the datagram. */
  write(number: number, out: Uint8Array, now: number): number {
    const { queue, mtu } = this;
    const length = queue.lengthOf(number);
    const isNew = queue.isUnsent(number);
    if (!isNew) this.#counters.resends++;
    const probe = isNew && length > 0 && this.window.size > 3 * this.#mtuFloor
      ? mtu.nextProbe(now)
      : 0;
    const padding = probe - UTP_HEADER_LENGTH - length;
    const isProbe = padding >= 2;
    if (isProbe) mtu.sent(probe);
    const at = writeUtpPadding(out, isProbe ? padding : 0);
    queue.send(number, out, at, isProbe ? probe : 0, now);
    this.#sentAt = now;
    if (this.resendAt === Infinity) {
      this.resendAt = now + this.roundTrip.timeout(this.#failures);
    }
    return at + length;
  }
}
