import {
  type BlockAddress,
  encodeExtensionHandshake,
  encodePeerMessage,
  PeerProtocolError,
  PeerSessionMachine,
} from "../../peer/mod.ts";
import { Bitfield } from "../../_shared/bitfield.ts";
import { MAX_OUTSTANDING_REQUESTS } from "../../peer/limits.ts";
import { decodePeerMessage } from "../../peer/mod.ts";
import { encodeDontHave } from "../../peer/small_extensions.ts";
import { assertSessionInvariants } from "../peer/invariants.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const PIECES = 12;
const REQUESTS = 40;

function own(): Bitfield {
  const field = Bitfield.full(PIECES);
  field.clear(3);
  return field;
}

/**
 * Plays a script: a byte chooses who does what, the bytes behind it say with
 * which message. Whatever happens, the invariants hold and only the peer's
 * mistakes close the session.
 */
function play(script: Uint8Array): void {
  const flags = script[0] ?? 0;
  let now = 0;
  const options = {
    fast: (flags & 1) !== 0,
    extended: (flags & 2) !== 0,
    v2: (flags & 4) !== 0,
    pieceSize: () => 40_000,
    ownPieces: own(),
    maxQueuedRequests: REQUESTS,
    ...((flags & 8) !== 0 ? { pieceCount: PIECES } : {}),
  };
  const machine = new PeerSessionMachine(options, now);
  const serving: BlockAddress[] = [];
  const accepted = new Map<string, number>();
  const keyOf = (b: BlockAddress) => `${b.pieceIndex}+${b.blockOffset}`;
  const settle = (b: BlockAddress) => {
    const key = keyOf(b);
    const count = accepted.get(key) ?? 0;
    if (count !== 1) throw new Error(`Request ${key} came back ${1 - count}`);
    accepted.delete(key);
  };
  let closed = false;
  const drain = () => {
    for (let n = 0; n < 10_000; n++) {
      const output = machine.poll();
      if (output === undefined) return machine.recycle(machine.take());
      if (closed) throw new Error("Output after close");
      if (output.type === "close") {
        closed = true;
        if (output.error && !(output.error instanceof PeerProtocolError)) {
          throw output.error;
        }
      } else if (output.type === "serve") {
        serving.push(output.request);
      } else if (output.type === "block") {
        const { pieceIndex, blockOffset, data, late } = output;
        if (!late) settle({ pieceIndex, blockOffset, length: data.length });
      } else if (output.type === "rejected") {
        output.blocks.forEach(settle);
      }
    }
    throw new Error("Endless outputs");
  };
  drain();
  for (let at = 1; at < script.length && !closed;) {
    const op = script[at++]!;
    const a = script[at++] ?? 0;
    const block = {
      pieceIndex: a % 14,
      blockOffset: 16_384 * (a >> 6),
      length: 1 + a * 100,
    };
    switch (op % 16) {
      case 0:
        machine.setChoking((a & 1) === 0, now);
        break;
      case 1:
        machine.setInterested((a & 1) === 0, now);
        break;
      case 2: {
        const refused = machine.request([block], now);
        if (refused.length === 0) accepted.set(keyOf(block), 1);
        break;
      }
      case 3:
        if (machine.cancel(block, now)) accepted.delete(keyOf(block));
        break;
      case 4: {
        const request = serving.shift();
        if (request === undefined) break;
        if ((a & 1) === 0) machine.rejectRequest(request, now);
        else machine.sendBlock(request, new Uint8Array(request.length), now);
        break;
      }
      case 5:
        machine.chunkEnd(a, now);
        machine.sent(a < 200 ? 0 : 1_000, now);
        break;
      case 6:
        now += a * 400;
        if ((machine.deadline ?? Infinity) <= now) machine.handleTimeout(now);
        break;
      case 7:
        if (!closed && machine.peerHas.length === 0) {
          machine.setPieceCount(PIECES, now);
        }
        break;
      case 8:
        machine.have([a % PIECES], now);
        break;
      case 9:
        // The block that was asked for.
        for (const request of machine.outstandingRequests) {
          machine.receive({
            type: "piece",
            pieceIndex: request.pieceIndex,
            blockOffset: request.blockOffset,
            data: new Uint8Array(request.length),
          }, now);
          break;
        }
        break;
      default: {
        // A message of the peer: its length, then its body.
        const body = script.subarray(at, at + (a & 63));
        at += body.length;
        try {
          const bytes = new Uint8Array(4 + body.length);
          bytes[3] = body.length;
          bytes.set(body, 4);
          machine.receive(decodePeerMessage(bytes), now);
        } catch (error) {
          if (!(error instanceof PeerProtocolError)) throw error;
        }
      }
    }
    drain();
    assertSessionInvariants(machine, {
      pieceCount: PIECES,
      maxOutstanding: MAX_OUTSTANDING_REQUESTS,
      maxQueued: REQUESTS,
    });
    if (!closed && machine.outstanding !== accepted.size) {
      throw new Error(
        `${accepted.size} requests are accepted, ${machine.outstanding} outstanding`,
      );
    }
  }
}

function script(
  flags: number,
  ...steps: (number[] | Uint8Array)[]
): Uint8Array {
  return Uint8Array.from([flags, ...steps.flatMap((step) => [...step])]);
}

/** A step in which the peer sends a message. */
function from(message: Parameters<typeof encodePeerMessage>[0]): number[] {
  const body = encodePeerMessage(message).subarray(4);
  return [10, body.length, ...body];
}

/** Sequences of messages, commands and time. */
export const fuzzTarget: FuzzTarget = {
  name: "peer_session",
  seeds: () => [
    script(
      15,
      from({ type: "have-all" }),
      from({ type: "unchoke" }),
      [2, 65, 2, 4, 2, 5, 9, 0, 3, 4, 6, 200],
      from({ type: "reject", pieceIndex: 5, blockOffset: 0, length: 501 }),
      from({ type: "choke" }),
    ),
    script(
      8,
      from({ type: "bitfield", bytes: Uint8Array.of(0xff, 0xf0) }),
      from({ type: "unchoke" }),
      [2, 1, 2, 2, 9, 0],
      from({ type: "choke" }),
      from({ type: "unchoke" }),
      [2, 1, 9, 0, 6, 250, 6, 250],
    ),
    script(
      9,
      from({ type: "interested" }),
      [0, 1],
      from({ type: "request", pieceIndex: 1, blockOffset: 0, length: 16_384 }),
      from({ type: "request", pieceIndex: 3, blockOffset: 0, length: 16_384 }),
      from({ type: "cancel", pieceIndex: 1, blockOffset: 0, length: 16_384 }),
      from({ type: "request", pieceIndex: 2, blockOffset: 1, length: 99 }),
      [4, 1, 5, 0, 0, 0],
    ),
    script(
      3,
      from({ type: "have", pieceIndex: 4 }),
      from({ type: "allowed-fast", pieceIndex: 4 }),
      [7, 0, 2, 4],
      from({
        type: "extended",
        id: 0,
        payload: encodeExtensionHandshake({
          messageIds: new Map([["ut_pex", 1]]),
        }),
      }),
      from({ type: "extended", id: 3, payload: encodeDontHave(4) }),
    ),
    script(
      4,
      from({
        type: "hash-request",
        piecesRoot: new Uint8Array(32),
        baseLayer: 0,
        index: 0,
        length: 2,
        proofLayers: 0,
      }),
    ),
  ],
  run: play,
};
