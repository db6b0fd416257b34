/**
 * The extension protocol of a session (BEP 10).
 *
 * @module
 */
import { encodeText, equalBytes } from "../../_shared/bytes.ts";
import { PeerProtocolError } from "../error.ts";
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
} from "../extension_handshake.ts";
import {
  ExtensionRegistry,
  STANDARD_EXTENSIONS,
} from "../extension_registry.ts";
import { flipLimit, type SessionCore } from "./session_core.ts";
import {
  ANSWER_SEND_WATERMARK,
  EXTENDED_BYTES,
  GOSSIP_COST,
  HANDSHAKE_COST,
  JUNK_BYTES,
  MAX_EXTENSION_HANDSHAKES,
  MAX_QUEUED_REQUESTS,
  PEX_INTERVAL_MS,
  USUAL_EXTENDED,
} from "../limits.ts";
import type { PeerMessage } from "../message.ts";
import type { DownloadSide } from "./session_download.ts";
import type {
  LocalExtensionFields,
  PeerSessionOptions,
} from "../session_types.ts";
import { decodeDontHave, decodeUploadOnly } from "../small_extensions.ts";
import { decodeUtHolepunch } from "../ut_holepunch.ts";
import {
  decodeUtMetadata,
  encodeUtMetadata,
  METADATA_PIECE_LENGTH,
} from "../ut_metadata.ts";
import { decodeUtPex } from "../ut_pex.ts";

/** Longest answer to a question of ut_metadata: a piece and what is told of it. */
const MAX_METADATA_ANSWER = METADATA_PIECE_LENGTH + 256;

/** How a message of ut_metadata begins that wants an answer. */
const QUESTION = encodeText("d8:msg_typei0e");

function isQuestion(payload: Uint8Array): boolean {
  return equalBytes(payload.subarray(0, QUESTION.length), QUESTION);
}

/** What a message costs that nobody asked for; those of users may be long. */
function priceOf(length: number, name: string | undefined): number {
  const isKnown = name === undefined ||
    STANDARD_EXTENSIONS.some((standard) => standard === name);
  const usual = isKnown ? Math.min(length, USUAL_EXTENDED) : length;
  return usual / EXTENDED_BYTES + (length - usual) / JUNK_BYTES;
}

/** Names, ids and messages of the extensions of one session. */
export class ExtensionSide {
  readonly #core: SessionCore;
  readonly #download: DownloadSide;
  /** Names and ids of both sides. */
  readonly registry: ExtensionRegistry;
  readonly #handshakes = flipLimit(MAX_EXTENSION_HANDSHAKES);
  readonly #requestQueue: number;
  #fields: LocalExtensionFields;
  uploadOnly = false;
  /** Questions of ut_metadata without an answer. */
  #metadataAsked = 0;
  /** When the next ut_pex message may come; two may come at once. */
  #pexAt = -Infinity;

  constructor(
    options: PeerSessionOptions,
    core: SessionCore,
    download: DownloadSide,
  ) {
    this.#core = core;
    this.#download = download;
    this.registry = new ExtensionRegistry(
      options.extensionNames ?? STANDARD_EXTENSIONS,
    );
    this.#requestQueue = options.maxQueuedRequests ?? MAX_QUEUED_REQUESTS;
    this.#fields = options.extensionFields ?? {};
  }

  /** Sends our handshake, again when fields changed. */
  sendHandshake(now: number, fields?: LocalExtensionFields): void {
    this.#fields = { ...this.#fields, ...fields };
    const payload = encodeExtensionHandshake({
      requestQueue: this.#requestQueue,
      ...this.#fields,
      messageIds: this.registry.localIds,
    });
    this.#core.send({ type: "extended", id: 0, payload }, now);
    // That is told once.
    if (this.#fields.yourIp) {
      this.#fields = { ...this.#fields, yourIp: undefined };
    }
  }

  /** Sends a message; false when the peer does not speak the extension. */
  send(name: string, payload: Uint8Array, now: number): boolean {
    const id = this.registry.remoteId(name);
    if (id === undefined) return false;
    if (name === "ut_metadata" && isQuestion(payload)) this.#metadataAsked++;
    this.#core.send({ type: "extended", id, payload }, now);
    return true;
  }

  onMessage(
    message: Extract<PeerMessage, { type: "extended" }>,
    now: number,
  ): void {
    const { id, payload } = message;
    const name = this.registry.nameOf(id);
    if (id !== 0 && name === undefined) {
      return this.#core.odd(payload.length / JUNK_BYTES);
    }
    // What we asked for is welcome.
    const isAnswer = name === "ut_metadata" && this.#metadataAsked > 0 &&
      payload.length <= MAX_METADATA_ANSWER;
    if (isAnswer) this.#metadataAsked--;
    else this.#core.spend(priceOf(payload.length, name));
    try {
      if (name === undefined) this.#onHandshake(payload, now);
      else this.#onNamed(name, payload, now);
    } catch (error) {
      // What cannot be decoded is ignored: it does no harm.
      if (!(error instanceof PeerProtocolError)) throw error;
      this.#core.odd();
    }
  }

  #onNamed(name: string, payload: Uint8Array, now: number): void {
    switch (name) {
      case "ut_metadata":
        return this.#onMetadata(payload, now);
      case "ut_pex":
        return this.#onPex(payload, now);
      case "lt_donthave":
        return this.#download.onDontHave(decodeDontHave(payload));
      case "upload_only":
        return this.#setUploadOnly(decodeUploadOnly(payload));
      case "ut_holepunch":
        this.#core.spend(GOSSIP_COST);
        // Only a peer that offers it may use it (BEP 55).
        if (this.registry.remoteId(name) === undefined) return;
        return this.#core.emit({
          type: "holepunch",
          message: decodeUtHolepunch(payload),
        });
      default:
        this.#core.emit({ type: "extended", name, payload });
    }
  }

  #onHandshake(payload: Uint8Array, now: number): void {
    this.#core.spend(HANDSHAKE_COST);
    if (!this.#handshakes.take(now)) return;
    const handshake = decodeExtensionHandshake(payload);
    this.registry.applyRemote(handshake.messageIds);
    if (handshake.requestQueue !== undefined) {
      this.#download.peerQueue = handshake.requestQueue;
    }
    this.#core.emit({ type: "extension-handshake", handshake });
    if (handshake.uploadOnly !== undefined) {
      this.#setUploadOnly(handshake.uploadOnly);
    }
  }

  #onMetadata(payload: Uint8Array, now: number): void {
    const message = decodeUtMetadata(payload);
    if (message === undefined) return;
    if (
      message.type === "request" &&
      this.#core.bufferedBytes > ANSWER_SEND_WATERMARK
    ) {
      this.send(
        "ut_metadata",
        encodeUtMetadata({ type: "reject", piece: message.piece }),
        now,
      );
      return;
    }
    this.#core.emit({ type: "metadata", message });
  }

  #onPex(payload: Uint8Array, now: number): void {
    this.#core.spend(GOSSIP_COST);
    const due = Math.max(this.#pexAt, now - PEX_INTERVAL_MS);
    if (due > now) return;
    this.#pexAt = due + PEX_INTERVAL_MS;
    this.#core.emit({ type: "pex", message: decodeUtPex(payload) });
  }

  #setUploadOnly(uploadOnly: boolean): void {
    if (uploadOnly === this.uploadOnly) return;
    this.#core.spend(GOSSIP_COST / 10);
    this.uploadOnly = uploadOnly;
    this.#core.emit({ type: "upload-only", uploadOnly });
  }
}
