/**
 * Notes what is waited for and until when it must be over, whatever others do.
 *
 * It shares no code with what it checks.
 */
import type { Clock } from "../../_shared/clock.ts";
import type { ByteConnection } from "../../_shared/byte_conn.ts";
import type { TrackerClient } from "../../client/types.ts";

/** Longest waits of each kind in milliseconds, and a second for the rest. */
export const LONGEST_WAITS = {
  dial: 16_000,
  handshake: 11_000,
  read: 151_000,
  write: 121_000,
  announce: 41_000,
  goodbye: 4_000,
  /** For a turn to dial while nobody else is dialled. */
  turn: 2_000,
  /** Files in memory take no time. */
  check: 1_000,
  /** For the first request, and from one request to the next. */
  metadata: 45_000,
} as const;

/** What is waited for by one host. */
export class WaitAudit {
  readonly #clock: Clock;
  /** By when each has to be over. */
  readonly #waits = new Map<object, readonly [what: string, until: number]>();

  /** @param clock Clock to use. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Notes that a wait begins, or again: the time counts from now on.
   *
   * @param key What to call it by, as a key of a Map.
   * @param kind What is waited for.
   */
  begin(key: object, kind: keyof typeof LONGEST_WAITS, name = ""): void {
    const until = this.#clock.now() + LONGEST_WAITS[kind];
    this.#waits.set(key, [`${kind} ${name}`, until]);
  }

  /** Notes a wait that goes on, if it does; under another name it is a new one. */
  goesOn(
    key: object,
    kind: keyof typeof LONGEST_WAITS,
    waits: boolean,
    name = "",
  ): void {
    if (!waits) this.end(key);
    else if (this.#waits.get(key)?.[0] !== `${kind} ${name}`) {
      this.begin(key, kind, name);
    }
  }

  /** Notes that a wait is over. */
  end(key: object): void {
    this.#waits.delete(key);
  }

  /** What should be over by now. */
  overdue(): string[] {
    const now = this.#clock.now();
    return [...this.#waits.values()].filter(([, until]) => now > until)
      .map(([what, until]) => `${what}: over by ${Math.round(until)} ms`);
  }

  /** Notes how long a promise takes, which is given back as it is. */
  of<T>(
    kind: keyof typeof LONGEST_WAITS,
    promise: Promise<T>,
    name = "",
  ): Promise<T> {
    this.begin(promise, kind, name);
    const over = () => this.end(promise);
    promise.then(over, over);
    return promise;
  }

  /** Wraps a tracker client. What it is given is a signal: it may not heed it. */
  tracker(client: TrackerClient): TrackerClient {
    return {
      announce: (url, request, options) => {
        const kind = request.event === "stopped" ? "goodbye" : "announce";
        const key = {};
        const given = options?.signal;
        this.begin(key, kind, url);
        const over = () => this.end(key);
        given?.addEventListener("abort", over, { once: true });
        return client.announce(url, request, options).finally(over);
      },
    };
  }

  /** Wraps a connection that was just made. */
  connection(connection: ByteConnection): ByteConnection {
    const shaking = {};
    let heard = 0;
    this.begin(shaking, "handshake", connection.remote.hostname);
    const close = () => {
      this.end(shaking);
      connection.close();
    };
    return {
      local: connection.local,
      remote: connection.remote,
      read: (buffer) => {
        const reading = connection.read(buffer);
        if (heard < 68) {
          const note = (length: number | null) => {
            heard += length ?? 0;
            if (heard >= 68) this.end(shaking);
          };
          reading.then(note, () => {});
        }
        return this.of("read", reading);
      },
      write: (data) => this.of("write", connection.write(data)),
      close,
      [Symbol.dispose]: close,
    };
  }
}
