import { assertEquals } from "@std/assert";
import {
  ANSWER_SEND_WATERMARK,
  MAX_HASH_REQUESTS,
} from "../../../peer/limits.ts";
import type { PeerMessage } from "../../../peer/message.ts";
import type { SessionCore } from "../../../peer/session/session_core.ts";
import { HashSide } from "../../../peer/session/session_hashes.ts";
import type { PeerSessionEvent } from "../../../peer/session_types.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name: `HashSide ${name}`, permissions: "none", fn });

const range = (index = 0, length = 2, proofLayers = 0) => ({
  piecesRoot: new Uint8Array(32),
  baseLayer: 0,
  index,
  length,
  proofLayers,
});

function setUp() {
  const sent: string[] = [];
  const events: string[] = [];
  const core = {
    bufferedBytes: 0,
    counters: { wasted: 0 },
    odd: 0,
    oddMessage: () => void core.odd++,
    send: ({ type }: PeerMessage) => void sent.push(type),
    emit: ({ type }: PeerSessionEvent) => void events.push(type),
  };
  const side = new HashSide(core as unknown as SessionCore);
  const took = () => [sent.splice(0).join(" "), events.splice(0).join(" ")];
  return { core, side, took };
}

test("asks for each range once, so many at a time", () => {
  const { side, took } = setUp();
  assertEquals([side.request(range(), 0), side.request(range(), 0)], [
    true,
    false,
  ]);
  assertEquals(side.request(range(1), 0), false);
  for (let i = 1; i < MAX_HASH_REQUESTS; i++) {
    assertEquals(side.request(range(2 * i), 0), true);
  }
  assertEquals(side.request(range(1000), 0), false);
  assertEquals(took()[0]!.split(" ").length, MAX_HASH_REQUESTS);
  side.onMessage({ ...range(), type: "hash-reject" }, 0);
  assertEquals(took(), ["", "hash-reject"]);
  assertEquals(side.request(range(), 0), true);
});

test("takes answers to what it asked, of the right length", () => {
  const { core, side, took } = setUp();
  const answer = (layers: number, hashes: number) =>
    side.onMessage({
      ...range(0, 4, layers),
      type: "hashes",
      hashes: new Uint8Array(32 * hashes),
    }, 0);
  answer(3, 6);
  assertEquals([took(), core.counters.wasted], [["", ""], 6 * 32]);
  assertEquals(core.odd, 1);
  side.onMessage({ ...range(), type: "hash-reject" }, 0);
  assertEquals(core.odd, 2);
  for (const [hashes, event] of [[5, ""], [7, ""], [6, "hashes"]] as const) {
    core.counters.wasted = 0;
    side.request(range(0, 4, 3), 0);
    answer(3, hashes);
    assertEquals(took(), ["hash-request", event]);
    assertEquals(core.counters.wasted, event === "" ? 32 * hashes : 0);
  }
  side.onMessage({ ...range(0, 4, 3), type: "hash-reject" }, 0);
  assertEquals(took(), ["", ""]);
});

test("owes an answer to each question, and refuses what is too much", () => {
  const { core, side, took } = setUp();
  const ask = (index: number) =>
    side.onMessage({ ...range(index), type: "hash-request" }, 0);
  ask(0);
  assertEquals(took(), ["", "hash-request"]);
  ask(0);
  ask(1);
  assertEquals(took(), ["hash-reject hash-reject", ""]);
  assertEquals(side.reply(range(2), undefined, 0), false);
  assertEquals(side.reply(range(), new Uint8Array(64), 0), true);
  assertEquals(side.reply(range(), undefined, 0), false);
  assertEquals(took(), ["hashes", ""]);
  ask(2);
  assertEquals(side.reply(range(2), undefined, 0), true);
  assertEquals(took(), ["hash-reject", "hash-request"]);
  // A longest answer must have room.
  core.bufferedBytes = ANSWER_SEND_WATERMARK - 32 * (512 + 32);
  ask(4);
  core.bufferedBytes++;
  ask(6);
  assertEquals(took(), ["hash-reject", "hash-request"]);
});
