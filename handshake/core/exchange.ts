/**
 * Runs a handshake machine over an open connection.
 *
 * @module
 */
import { type ByteConnection, writeAll } from "../../_shared/byte_conn.ts";
import type { Clock } from "../../_shared/clock.ts";
import { Driver } from "../../_shared/drive.ts";
import type { HandshakeError } from "../error.ts";
import type {
  HandshakeInput,
  HandshakeMachine,
  HandshakeOutput,
} from "../handshake_machine.ts";

/** The last output of a machine that completed its handshake. */
export type CompletedHandshake = Extract<HandshakeOutput, { type: "complete" }>;

/** A handshake that is going on. */
export interface Exchange {
  /** Resolves when our part is sent and theirs accepted; else rejects. */
  readonly done: Promise<CompletedHandshake>;
  /** Ends it early. */
  fail(error: HandshakeError): void;
}

/** Starts. The caller closes the connection when it fails. */
export function startExchange(
  connection: ByteConnection,
  machine: HandshakeMachine,
  clock: Clock,
): Exchange {
  const { promise, resolve, reject } = Promise.withResolvers<
    CompletedHandshake
  >();
  let writing = Promise.resolve();
  const driver = new Driver<HandshakeInput, HandshakeOutput>(machine, {
    clock,
    perform: (output) => {
      if (output.type === "fail") return reject(output.error);
      if (output.type === "complete") {
        writing.then(() => resolve(output));
        return;
      }
      writing = writing.then(() => writeAll(connection, output.data))
        .catch((cause) => driver.input({ type: "end", cause }));
    },
  });
  driver.start();
  void receive(connection, machine, driver);
  return {
    done: promise.finally(() => driver.close()),
    fail: reject,
  };
}

/** Feeds a machine until it is over, never reading past the handshake. */
async function receive(
  connection: ByteConnection,
  machine: HandshakeMachine,
  driver: Driver<HandshakeInput, HandshakeOutput>,
): Promise<void> {
  const buffer = new Uint8Array(machine.needed + 255);
  try {
    while (!machine.over) {
      const length = await connection.read(buffer.subarray(0, machine.needed));
      if (length === null) return driver.input({ type: "end" });
      driver.input({ type: "data", data: buffer.subarray(0, length) });
    }
  } catch (cause) {
    driver.input({ type: "end", cause });
  }
}
