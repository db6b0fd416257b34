/**
 * Inputs as data to the methods of a session.
 *
 * @module
 */
import type { PeerSessionMachine } from "./session_machine.ts";
import type { PeerSessionInput } from "./session_types.ts";

/**
 * Gives an input to the method that it means.
 *
 * @param machine The session.
 * @param input What happened or is to be done.
 * @param now The time in milliseconds.
 */
export function dispatchSessionInput(
  machine: PeerSessionMachine,
  input: Exclude<PeerSessionInput, { readonly type: "request" }>,
  now: number,
): void {
  switch (input.type) {
    case "message":
      return machine.receive(input.message, now);
    case "sent":
      return machine.sent(input.bufferedBytes, now);
    case "choke":
    case "unchoke":
      return machine.setChoking(input.type === "choke", now);
    case "interest":
      return machine.setInterested(input.interested, now);
    case "cancel":
      return void machine.cancel(input.block, now);
    case "have":
      return void machine.have(input.pieceIndex, now);
    case "suggest":
      return machine.suggest(input.pieceIndex, now);
    case "block":
      return void machine.sendBlock(input.request, input.data, now);
    case "refuse":
      return void machine.rejectRequest(input.request, now);
    case "extended":
      return void machine.sendExtended(input.name, input.payload, now);
    case "piece-count":
      return machine.setPieceCount(input.pieceCount, now, input);
    case "port":
      return machine.sendPort(input.port, now);
    case "extension-fields":
      return machine.sendExtensionHandshake(input.fields, now);
    case "hash-request":
      return void machine.requestHashes(input.range, now);
    case "hash-reject":
      return void machine.sendHashes(input.range, undefined, now);
    case "hashes":
      return void machine.sendHashes(input.range, input.hashes, now);
    case "close":
      return machine.close(input.error);
  }
}
