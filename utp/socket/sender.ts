/**
 * The sending side of a connection: what goes out next, and what acks mean.
 *
 * @module
 */
import {
  timeDistance,
  UTP_HEADER_LENGTH,
  UTP_LEAST_PADDING,
  type UtpPacket,
  writeUtpPadding,
} from "../packet.ts";
import { DELAYED_ACK_MS } from "./ack_schedule.ts";
import { CongestionWindow, Pacer, TARGET_DELAY_US } from "./congestion.ts";
import type { Counters, UtpSocketMachineOptions } from "./options.ts";
import { PathMtu } from "./path_mtu.ts";
import { RoundTrip } from "./delay_meter.ts";
import { SendQueue } from "./send_queue.ts";

/**
 * Bytes that may wait to be sent, however small the window is; beyond them as
 * many as the window: what a peer does not take costs no memory.
 */
const LEAST_WAITING = 65_536;
/** Acks that say the same, after which a packet is lost. */
const DUPLICATE_ACKS = 3;
/** Waits in vain that end a connection; fewer when only the FIN is left. */
const MAX_FAILURES = 5;
const MAX_FIN_FAILURES = 2;
/** A probe lost so soon after another packet may have been short enough. */
const OTHER_LOSS_MS = 2000;
/** Times that an idle window shrinks, at most. */
const MAX_IDLE_CUTS = 12;

/** Joins send queue, congestion window, round trips and path MTU. */
export class Sender {
  readonly queue: SendQueue;
  readonly window: CongestionWindow;
  readonly mtu: PathMtu;
  readonly roundTrip = new RoundTrip();
  readonly #pacer = new Pacer();
  readonly #counters: Counters;
  readonly #mtuFloor: number;
  #peerWindow: number;
  /** When the other side told of its window last, by its clock. */
  #peerWindowAt: number | undefined;
  #duplicateAcks = 0;
  #failures = 0;
  #isFull = false;
  #wantsEnd = false;
  /** Whether a packet may go out although the other window is shut. */
  #mayProbeWindow = false;
  #sentAt = -Infinity;
  /** When a packet was lost that was no probe. */
  #lostAt = -Infinity;
  /** When the oldest packet counts as lost. */
  resendAt = Infinity;
  /** When the newest packet is sent again, as nothing tells that it is lost. */
  #tailAt = Infinity;
  /** Number of the packet that was, until something is acked; or 0. */
  #tailProbe = 0;
  /** Whether one packet may go out although the window is full. */
  #mayOvershoot = false;
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

  /** Bytes that can be written. */
  get room(): number {
    if (this.#wantsEnd) return 0;
    const { room, unsent } = this.queue;
    const most = Math.max(LEAST_WAITING, this.window.size);
    return Math.max(0, Math.min(room, most - unsent));
  }

  /** When `tick` wants to be called. */
  get deadline(): number {
    return Math.min(
      this.resendAt,
      this.#tailAt,
      this.windowProbeAt,
      this.queue.checkAt,
      this.#pacer.at,
    );
  }

  /** After what was written comes a FIN. */
  end(): void {
    this.#wantsEnd = true;
  }

  /**
   * Takes the acks of a packet, and what it tells of window, queueing delay in
   * microseconds and round trip in ms.
   */
  acknowledge(
    packet: UtpPacket,
    ahead: number,
    delay: number | undefined,
    echo: number,
    now: number,
  ): void {
    const { queue, roundTrip } = this;
    const flying = queue.inFlight;
    const windowBefore = this.#peerWindow;
    this.#hearWindow(packet, ahead);
    queue.acknowledge(packet, now, roundTrip.least, echo);
    if (queue.roundTrip >= 0) roundTrip.add(queue.roundTrip);
    if (queue.probeArrived > 0) {
      this.mtu.arrived(queue.probeArrived, now);
      this.window.packetSize = this.fullSize;
    }
    if (queue.isProgress) this.#progress(flying, delay, now);
    else if (packet.sackLength > 0) this.#findLost(now);
    if (
      ahead === 0 && packet.type === "state" && packet.sackLength === 0 &&
      queue.packets > 0 && packet.windowSize === windowBefore
    ) {
      if (++this.#duplicateAcks === DUPLICATE_ACKS) {
        this.#lost(queue.first, queue.loseFirst(), now);
      }
    } else this.#duplicateAcks = 0;
  }

  /** Packets overtake each other: the latest word on the window counts. */
  #hearWindow(packet: UtpPacket, ahead: number): void {
    const at = this.#peerWindowAt;
    const isNews = ahead > 0 || at === undefined ||
      (ahead === 0 && timeDistance(packet.timestamp, at) >= 0);
    if (!isNews) return;
    this.#peerWindowAt = packet.timestamp;
    this.#peerWindow = packet.windowSize;
    if (packet.windowSize > 0) this.windowProbeAt = Infinity;
  }

  #progress(flying: number, delay: number | undefined, now: number): void {
    const { queue, roundTrip } = this;
    this.#failures = 0;
    this.#counters.bytesAcked += queue.ackedBytes;
    if (queue.isSpurious) {
      this.#counters.spurious++;
      this.window.undo();
    } else if (queue.repaired >= 0) this.window.confirm();
    this.#adjustWindow(flying, delay);
    // What the end of a flight hides is a loss like any other.
    if (this.#tailProbe > 0 && queue.repaired === this.#tailProbe) {
      this.#cut(this.#tailProbe, now);
    }
    this.#tailProbe = 0;
    this.#findLost(now);
    const isIdle = queue.packets === 0;
    this.resendAt = isIdle ? Infinity : now + roundTrip.timeout(0);
    this.#tailAt = isIdle ? Infinity : now + this.#tailWait();
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
    const { mean } = this.roundTrip;
    this.window.acked(queue.ackedBytes, delay, flying, mean, this.#isFull);
    this.#isFull = false;
  }

  #findLost(now: number): void {
    const { queue, roundTrip } = this;
    while (true) {
      const number = queue.findLost(now, roundTrip.least, roundTrip.mean);
      if (number === 0) return;
      this.#lost(number, queue.lose(number), now);
    }
  }

  /** A packet was lost, which may have been a probe of so many bytes. */
  #lost(number: number, probe: number, now: number): void {
    if (probe < 0) return;
    this.#counters.fastResends++;
    // It was too long, which says nothing of how full the path is.
    if (probe > 0) this.#probeLost(probe, now);
    else this.#cut(number, now);
  }

  #probeLost(probe: number, now: number): void {
    this.mtu.lost(probe, now - this.#lostAt < OTHER_LOSS_MS, now);
  }

  #cut(number: number, now: number): void {
    this.#lostAt = now;
    if (!this.window.lost(number, this.queue.next, now)) return;
    this.#counters.losses++;
    // The first to be sent again does not wait for room (RFC 6675).
    this.#mayOvershoot = true;
  }

  /** Looks at the clock. Returns whether the other side is to be given up. */
  tick(now: number, heardAt: number): boolean {
    const { queue, mtu } = this;
    this.#pacer.tick(now);
    if (now >= this.windowProbeAt) {
      this.windowProbeAt = Infinity;
      this.#mayProbeWindow = true;
    }
    if (now >= queue.checkAt) this.#findLost(now);
    if (now >= this.#tailAt) {
      this.#tailAt = Infinity;
      this.#probeTail(now);
    }
    if (now < this.resendAt) return false;
    this.resendAt = this.#tailAt = Infinity;
    this.#counters.timeouts++;
    const onlyProbe = mtu.probing > 0 && queue.packets === 1;
    if (mtu.probing > 0) this.#probeLost(mtu.probing, now);
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

  /** Nothing after the newest packet tells what became of it (RFC 8985, 7). */
  #probeTail(now: number): void {
    const { queue } = this;
    if (queue.checkAt < Infinity) {
      this.#tailAt = queue.checkAt + this.roundTrip.mean;
      return;
    }
    let number = queue.firstLost;
    if (number === 0) {
      number = queue.lastFlying;
      if (number === 0) return;
      const probe = queue.lose(number);
      if (probe > 0) this.#probeLost(probe, now);
    }
    this.#tailProbe = number;
    this.#mayOvershoot = true;
  }

  #tailWait(): number {
    const { mean } = this.roundTrip;
    if (mean === 0 || this.#tailProbe > 0 || this.#failures > 0) {
      return Infinity;
    }
    return 2 * mean + DELAYED_ACK_MS;
  }

  /**
   * Chooses or makes the packet that goes out next. Returns its number, or 0
   * for none.
   */
  next(now: number): number {
    const { queue } = this;
    const lost = queue.firstLost;
    if (lost > 0) {
      return this.#mayOvershoot || this.#maySend(queue.lengthOf(lost), now)
        ? lost
        : 0;
    }
    if (!queue.canAdd) return 0;
    const { unsent } = queue;
    if (unsent === 0) {
      return this.#wantsEnd && !queue.hasFin ? queue.add(0, false) : 0;
    }
    const full = this.fullSize;
    let size = Math.min(full, unsent);
    // Nagle, but for two packets that are not full: what is said first of all,
    // and what the answer to it brings about, must not wait for an ack.
    if (size < full && queue.hasShorts && !this.#wantsEnd) return 0;
    size = this.#fit(size, now);
    if (size === 0 || !this.#maySend(size, now)) return 0;
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

  #maySend(size: number, now: number): boolean {
    const { inFlight } = this.queue;
    if (inFlight === 0) return true;
    const hasRoom = inFlight + size <= this.window.size;
    if (hasRoom && this.#pacer.maySend(now)) return true;
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
    this.#mayOvershoot = false;
    // Not before some has arrived: first words must not be lost by it.
    const least = 3 * this.#mtuFloor;
    const mayProbe = isNew && length > 0 && this.window.size > least &&
      this.#counters.bytesAcked > least;
    const probe = mayProbe ? mtu.nextProbe(now) : 0;
    const padding = probe - UTP_HEADER_LENGTH - length;
    const isProbe = padding >= UTP_LEAST_PADDING;
    if (isProbe) mtu.sent(probe);
    const at = writeUtpPadding(out, isProbe ? padding : 0);
    queue.send(number, out, at, isProbe ? probe : 0, now);
    this.#pacer.sent(at + length, this.window, this.roundTrip.mean, now);
    this.#sentAt = now;
    if (this.resendAt === Infinity) {
      this.resendAt = now + this.roundTrip.timeout(this.#failures);
    }
    this.#tailAt = now + this.#tailWait();
    return at + length;
  }
}

/** Makes counters at zero. */
export function createCounters(): Counters {
  return {
    packetsSent: 0,
    packetsReceived: 0,
    bytesAcked: 0,
    bytesReceived: 0,
    fastResends: 0,
    resends: 0,
    spurious: 0,
    losses: 0,
    timeouts: 0,
    samplesAbove: 0,
    samplesBelow: 0,
    duplicates: 0,
    dropped: 0,
  };
}
