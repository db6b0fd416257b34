/**
 * Runs the machines of a handshake over an open connection.
 *
 * @module
 */
import { type ByteConnection, writeAll } from "../../_shared/byte_conn.ts";
import type { Clock } from "../../_shared/clock.ts";
import { Driver } from "../../_shared/drive.ts";
import type { Machine } from "../../_shared/machine.ts";
import type { HandshakeError } from "../error.ts";
import type { HandshakeInput } from "../handshake_machine.ts";

/** How an exchange ends well. */
interface Completion {
  readonly type: "complete";
}

/** What the machine of an exchange wants done. */
type ExchangeOutput<C extends Completion> =
  | { readonly type: "send"; readonly data: Uint8Array }
  | { readonly type: "fail"; readonly error: HandshakeError }
  | C;

/** A machine that takes bytes until it is over. */
interface ExchangeMachine<C extends Completion>
  extends Machine<HandshakeInput, ExchangeOutput<C>> {
  /** How many bytes may be read now. */
  readonly needed: number;
  /** Whether it has completed or failed. */
  readonly over: boolean;
}

/** An exchange that is going on. */
export interface Exchange<C extends Completion> {
  /** Resolves when our part is sent and theirs accepted; else rejects. */
  readonly done: Promise<C>;
  /** Whether the other side has said anything. */
  readonly heard: boolean;
  /** Ends it early. */
  fail(error: HandshakeError): void;
}

/**
 * Starts. Bytes that were read already go first. The caller closes the
 * connection when it fails.
 */
export function startExchange<C extends Completion>(
  connection: ByteConnection,
  machine: ExchangeMachine<C>,
  clock: Clock,
  head?: Uint8Array,
): Exchange<C> {
  const { promise, resolve, reject } = Promise.withResolvers<C>();
  let writing = Promise.resolve();
  const driver = new Driver<HandshakeInput, ExchangeOutput<C>>(machine, {
    clock,
    perform: (output) => {
      if (output.type === "send") {
        const { data } = output;
        writing = writing.then(() => writeAll(connection, data))
          .catch((cause) => driver.input({ type: "end", cause }));
      } else if (output.type === "fail") reject(output.error);
      else writing.then(() => resolve(output));
    },
  });
  driver.start();
  if (head !== undefined) driver.input({ type: "data", data: head });
  let heard = head !== undefined;
  void receive(connection, machine, driver, () => heard = true);
  return {
    done: promise.finally(() => driver.close()),
    get heard() {
      return heard;
    },
    fail: reject,
  };
}

/** Feeds a machine until it is over, never reading more than it needs. */
async function receive<C extends Completion>(
  connection: ByteConnection,
  machine: ExchangeMachine<C>,
  driver: Driver<HandshakeInput, ExchangeOutput<C>>,
  onData: () => void,
): Promise<void> {
  let buffer = new Uint8Array(0);
  try {
    while (!machine.over) {
      const { needed } = machine;
      if (buffer.length < needed) buffer = new Uint8Array(needed);
      const length = await connection.read(buffer.subarray(0, needed));
      if (length === null) return driver.input({ type: "end" });
      onData();
      driver.input({ type: "data", data: buffer.subarray(0, length) });
    }
  } catch (cause) {
    driver.input({ type: "end", cause });
  }
}
