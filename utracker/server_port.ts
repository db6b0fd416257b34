/**
 * The sockets of UDP tracker servers.
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
  type DatagramAnswerer,
  type DatagramSocket,
  openDatagramSocket,
  serveDatagrams,
} from "../_shared/datagram.ts";
import { MAX_RESPONSE_LENGTH } from "./responder.ts";

/** Longest request that is read: a scrape of 74 hashes, or long URL data. */
const MAX_REQUEST = 2048;

/** What a server needs of a socket. */
export interface ServerPort {
  /** The bound address. */
  readonly local: Endpoint;
  /** Datagrams sent. */
  readonly sent: number;
  /** Datagrams that could not be sent. */
  readonly sendErrors: number;
  /** Serves until closed. */
  serve(answer: DatagramAnswerer): Promise<void>;
  /** Sends a datagram; failures are counted. */
  send(data: Uint8Array, to: Endpoint): Promise<void>;
  /** Closes the socket. Idempotent. */
  close(): void;
}

/** Serves on any socket. */
export function serverPortOf(socket: DatagramSocket): ServerPort {
  let sent = 0;
  let sendErrors = 0;
  const onSent = (error?: unknown) => {
    if (error === undefined) sent++;
    else sendErrors++;
  };
  return {
    local: socket.local,
    get sent() {
      return sent;
    },
    get sendErrors() {
      return sendErrors;
    },
    serve: (answer) =>
      serveDatagrams(socket, answer, {
        maxRequest: MAX_REQUEST,
        maxAnswer: MAX_RESPONSE_LENGTH,
        onSent,
      }),
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

/** Opens a socket for a server. Needs `--allow-net`. */
export async function openServerPort(
  hostname: string,
  port: number,
): Promise<ServerPort> {
  return serverPortOf(await openDatagramSocket({ hostname, port }));
}
