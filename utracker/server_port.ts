/**
 * The sockets of UDP tracker servers. Where the runtime has
 * `Deno.listenDatagram`, several receives and sends of a socket are under way
 * at a time, each with a buffer of its own: waiting for one at a time leaves
 * half of the throughput unused.
 *
 * More than one core for one port is not to be had in Deno 2.9: UDP sockets
 * have no `SO_REUSEPORT` (neither `Deno.listenDatagram` nor `node:dgram` sets
 * it), and with `reuseAddress` Linux gives every datagram to the socket bound
 * last. Several processes, each with a port of its own, can share one database
 * (`KvSwarmStore`) behind a packet filter that spreads the clients.
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import {
  type DatagramSocket,
  openDatagramSocket,
} from "../_shared/datagram.ts";
import { MAX_RESPONSE_LENGTH } from "./responder.ts";

/** Requests of one socket that are worked on at a time. */
const LOOPS = 4;
/** Longest request that is read: a scrape of 74 hashes, or long URL data. */
const MAX_REQUEST = 2048;
/** Errors in a row after which a socket is taken for dead. */
const MAX_ERRORS = 1000;

/**
 * Answers one datagram into a buffer.
 *
 * @param data The payload; not kept.
 * @param from Who sent it.
 * @param out Where the answer goes.
 * @returns Bytes to send back, 0 for none.
 */
export type Answerer = (
  data: Uint8Array,
  from: Endpoint,
  out: Uint8Array,
) => number;

/** What a server needs of a socket. */
export interface ServerPort {
  /** The bound address. */
  readonly local: Endpoint;
  /** Datagrams sent. */
  readonly sent: number;
  /** Datagrams that could not be sent. */
  readonly sendErrors: number;
  /**
   * Serves until closed.
   *
   * @param answer Answers datagrams.
   * @returns A promise that resolves at the end and never rejects.
   */
  serve(answer: Answerer): Promise<void>;
  /**
   * Sends a datagram; failures are counted.
   *
   * @param data The payload.
   * @param to To whom.
   * @returns A promise that never rejects.
   */
  send(data: Uint8Array, to: Endpoint): Promise<void>;
  /** Closes the socket. Idempotent. */
  close(): void;
}

/**
 * Serves on any socket, one request at a time.
 *
 * @param socket The socket; closed with the port.
 * @returns The port.
 */
export function serverPortOf(socket: DatagramSocket): ServerPort {
  let sent = 0;
  let sendErrors = 0;
  return {
    local: socket.local,
    get sent() {
      return sent;
    },
    get sendErrors() {
      return sendErrors;
    },
    async serve(answer) {
      const out = new Uint8Array(MAX_RESPONSE_LENGTH);
      while (true) {
        const datagram = await socket.receive();
        if (datagram === undefined) return;
        const { data, from } = datagram;
        const length = answer(data, from, out);
        if (length > 0) await this.send(out.subarray(0, length), from);
      }
    },
    async send(data, to) {
      try {
        await socket.send(data, to);
        sent++;
      } catch {
        sendErrors++;
      }
    },
    close: () => socket.close(),
  };
}

function fastPort(conn: Deno.DatagramConn): ServerPort {
  const { hostname, port } = conn.addr as Deno.NetAddr;
  let sent = 0;
  let sendErrors = 0;
  let closed = false;
  const loop = async (answer: Answerer) => {
    const buffer = new Uint8Array(MAX_REQUEST);
    const out = new Uint8Array(MAX_RESPONSE_LENGTH);
    for (let errors = 0; !closed && errors < MAX_ERRORS;) {
      let from: Deno.NetAddr;
      let length: number;
      try {
        const received = await conn.receive(buffer);
        from = received[1] as Deno.NetAddr;
        length = answer(received[0], from, out);
      } catch {
        // Closed, or the echo of an earlier send that went nowhere.
        errors++;
        continue;
      }
      errors = 0;
      if (length === 0) continue;
      try {
        await conn.send(out.subarray(0, length), from);
        sent++;
      } catch {
        sendErrors++;
      }
    }
  };
  return {
    local: { hostname, port },
    get sent() {
      return sent;
    },
    get sendErrors() {
      return sendErrors;
    },
    async serve(answer) {
      await Promise.all(Array.from({ length: LOOPS }, () => loop(answer)));
    },
    async send(data, to) {
      try {
        await conn.send(data, { transport: "udp", ...to });
        sent++;
      } catch {
        sendErrors++;
      }
    },
    close() {
      if (closed) return;
      closed = true;
      conn.close();
    },
  };
}

/**
 * Opens a socket for a server. Needs `--allow-net`.
 *
 * @param hostname IP address to bind.
 * @param port Port to bind; 0 picks a free one.
 * @returns The port.
 */
export async function openServerPort(
  hostname: string,
  port: number,
): Promise<ServerPort> {
  const { listenDatagram } = Deno as unknown as {
    listenDatagram?: (
      options: { transport: "udp"; hostname: string; port: number },
    ) => Deno.DatagramConn;
  };
  return listenDatagram === undefined
    ? serverPortOf(await openDatagramSocket({ hostname, port }))
    : fastPort(listenDatagram({ transport: "udp", hostname, port }));
}
