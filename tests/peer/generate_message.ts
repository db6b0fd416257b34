import {
  randomBytes,
  randomInt,
  type RandomSource,
} from "../../_shared/random.ts";
import type { HashRange, PeerMessage } from "../../peer/mod.ts";

/** Draws a message; byte fields are short. */
export function generateMessage(random: RandomSource): PeerMessage {
  const int = () => randomInt(random, 2 ** 32);
  const bytes = (most: number) =>
    randomBytes(random, randomInt(random, most + 1));
  const block = () => ({
    pieceIndex: int(),
    blockOffset: int(),
    length: int(),
  });
  const range = (): HashRange => ({
    piecesRoot: randomBytes(random, 32),
    baseLayer: int(),
    index: int(),
    length: int(),
    proofLayers: int(),
  });
  switch (randomInt(random, 21)) {
    case 0:
      return { type: "keep-alive" };
    case 1:
      return { type: "choke" };
    case 2:
      return { type: "unchoke" };
    case 3:
      return { type: "interested" };
    case 4:
      return { type: "not-interested" };
    case 5:
      return { type: "have-all" };
    case 6:
      return { type: "have-none" };
    case 7:
      return { type: "have", pieceIndex: int() };
    case 8:
      return { type: "suggest", pieceIndex: int() };
    case 9:
      return { type: "allowed-fast", pieceIndex: int() };
    case 10:
      return { type: "bitfield", bytes: bytes(300) };
    case 11:
      return { type: "request", ...block() };
    case 12:
      return { type: "cancel", ...block() };
    case 13:
      return { type: "reject", ...block() };
    case 14:
      return {
        type: "piece",
        pieceIndex: int(),
        blockOffset: int(),
        data: bytes(20_000),
      };
    case 15:
      return { type: "port", port: randomInt(random, 65_536) };
    case 16:
      return {
        type: "extended",
        id: randomInt(random, 256),
        payload: bytes(3_000),
      };
    case 17:
      return { type: "hash-request", ...range() };
    case 18:
      return { type: "hash-reject", ...range() };
    case 19:
      return {
        type: "hashes",
        ...range(),
        hashes: randomBytes(random, 32 * randomInt(random, 20)),
      };
    default:
      return { type: "unknown", id: 99, payload: bytes(500) };
  }
}
