/**
 * Datagrams on their way to the system.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import type { DatagramSocket } from "../../_shared/datagram.ts";

/** Longest datagram that is sent. */
const MAX_DATAGRAM = 1500;
/** Datagrams that may wait for the system; it takes them in time. */
const MAX_SENDING = 64;
/** The same with those that go to strangers. */
const MAX_SENDING_ALL = 2 * MAX_SENDING;

/** Who sends more than one datagram. */
export interface DatagramSender {
  /** Sends what is due, as far as the system takes it. */
  pump(): void;
  /** Told that the system refused a datagram. */
  sendFailed(error: Error): void;
}

/** A datagram that is made or sent; used again and again. */
interface Slot {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What was sent of them last. */
  view: Uint8Array<ArrayBuffer>;
  sender: DatagramSender | undefined;
  readonly done: (error?: unknown) => void;
}

/** Makes datagrams in place, and no more of them than the system takes. */
export class Outbox {
  readonly #socket: DatagramSocket;
  readonly #free: Slot[] = [];
  #slot = this.#makeSlot();
  #sending = 0;
  /** Who waits for the system. */
  readonly #blocked = new Set<DatagramSender>();

  /** @param socket Where they leave. */
  constructor(socket: DatagramSocket) {
    this.#socket = socket;
  }

  /** Where the next datagram is made, valid until `send`. */
  get out(): Uint8Array {
    return this.#slot.bytes;
  }

  /** Whether there is room for what a stranger is told. */
  get hasRoom(): boolean {
    return this.#sending < MAX_SENDING_ALL;
  }

  /** Whether the system takes more; if not, `pump` is called when it does. */
  maySend(sender: DatagramSender): boolean {
    if (this.#sending < MAX_SENDING) return true;
    this.#blocked.add(sender);
    return false;
  }

  /** Sends the first bytes of `out`. */
  send(length: number, to: Endpoint, sender?: DatagramSender): void {
    const slot = this.#slot;
    this.#slot = this.#free.pop() ?? this.#makeSlot();
    slot.sender = sender;
    // Most datagrams have one of few lengths.
    if (slot.view.length !== length) slot.view = slot.bytes.subarray(0, length);
    this.#sending++;
    this.#socket.send(slot.view, to).then(slot.done, slot.done);
  }

  /** One that has ended waits no more. */
  forget(sender: DatagramSender): void {
    this.#blocked.delete(sender);
  }

  #makeSlot(): Slot {
    const bytes = new Uint8Array(MAX_DATAGRAM);
    const slot: Slot = {
      bytes,
      view: bytes,
      sender: undefined,
      done: (error) => {
        const { sender } = slot;
        slot.sender = undefined;
        this.#free.push(slot);
        this.#sending--;
        // What the system refuses is lost, as any datagram may be.
        if (error instanceof Error) sender?.sendFailed(error);
        if (this.#blocked.size > 0 && this.#sending < MAX_SENDING) {
          const [first] = this.#blocked;
          this.#blocked.delete(first!);
          first!.pump();
        }
      },
    };
    return slot;
  }
}
