/**
 * The codec as a pair of Web Streams.
 *
 * @module
 */
import { encodePeerMessage } from "./message_encode.ts";
import type { PeerMessage } from "../message.ts";
import {
  PeerMessageDecoder,
  type PeerMessageDecoderOptions,
} from "./message_decoder.ts";

/**
 * Decodes a stream of bytes into messages. Byte fields are copies
 * and stay valid.
 *
 * @example Usage
 * ```ts
 * import { encodePeerMessage, PeerMessageDecoderStream } from "@bip/bip/peer";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodePeerMessage({ type: "have", pieceIndex: 7 });
 * const messages = await Array.fromAsync(
 *   ReadableStream.from([bytes.subarray(0, 3), bytes.subarray(3)])
 *     .pipeThrough(new PeerMessageDecoderStream()),
 * );
 * assertEquals(messages, [{ type: "have", pieceIndex: 7 }]);
 * ```
 */
export class PeerMessageDecoderStream
  implements TransformStream<Uint8Array, PeerMessage> {
  readonly #stream: TransformStream<Uint8Array, PeerMessage>;

  /**
   * Makes the stream.
   *
   * @param options See {@linkcode PeerMessageDecoderOptions}. The readable side
   * errors with a {@linkcode PeerProtocolError}.
   */
  constructor(options: PeerMessageDecoderOptions = {}) {
    const decoder = new PeerMessageDecoder(options);
    this.#stream = new TransformStream({
      transform(chunk, controller) {
        // The carry buffer is used again: messages must own what they show.
        decoder.push(
          chunk,
          (message) => controller.enqueue(clonePeerMessage(message)),
        );
      },
      flush: () => decoder.finish(),
    });
  }

  /** Messages come out here. */
  get readable(): ReadableStream<PeerMessage> {
    return this.#stream.readable;
  }

  /** Bytes go in here. */
  get writable(): WritableStream<Uint8Array> {
    return this.#stream.writable;
  }
}

/** Encodes a stream of messages into bytes, one chunk a message. */
export class PeerMessageEncoderStream
  implements TransformStream<PeerMessage, Uint8Array<ArrayBuffer>> {
  readonly #stream = new TransformStream<PeerMessage, Uint8Array<ArrayBuffer>>({
    transform: (message, controller) =>
      controller.enqueue(encodePeerMessage(message)),
  });

  /** Bytes come out here. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#stream.readable;
  }

  /** Messages go in here. */
  get writable(): WritableStream<PeerMessage> {
    return this.#stream.writable;
  }
}

/**
 * Copies a message so that it outlives the buffer its byte fields show.
 *
 * @param message The message.
 * @returns A message that shares no bytes with it.
 */
export function clonePeerMessage(message: PeerMessage): PeerMessage {
  switch (message.type) {
    case "piece":
      return { ...message, data: message.data.slice() };
    case "bitfield":
      return { ...message, bytes: message.bytes.slice() };
    case "extended":
    case "unknown":
      return { ...message, payload: message.payload.slice() };
    case "hash-request":
    case "hash-reject":
      return { ...message, piecesRoot: message.piecesRoot.slice() };
    case "hashes":
      return {
        ...message,
        piecesRoot: message.piecesRoot.slice(),
        hashes: message.hashes.slice(),
      };
    default:
      return message;
  }
}
