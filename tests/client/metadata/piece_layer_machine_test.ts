import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../../_shared/random.ts";
import { HashServer } from "../../../client/content/hash_server.ts";
import {
  PieceLayerMachine,
  type PieceLayerOutput,
} from "../../../client/metadata/piece_layer_machine.ts";
import {
  BLOCK_SIZE,
  createMetainfo,
  type Metainfo,
  parseInfo,
  parseMetainfo,
} from "../../../metainfo/mod.ts";

async function torrent(pieceLength = BLOCK_SIZE): Promise<Metainfo> {
  const random = seededRandom(5);
  const inputs = [1, 2, 3, 33, 1100].map((blocks) => ({
    path: [`f${blocks}`],
    // One of exactly a piece, which needs no layer.
    bytes: random(new Uint8Array(blocks * BLOCK_SIZE - (blocks === 1 ? 0 : 9))),
  }));
  return parseMetainfo(
    await createMetainfo({
      name: "x",
      inputs,
      version: "v2",
      pieceLength,
    }),
  );
}

function drain(machine: PieceLayerMachine): PieceLayerOutput[] {
  const list: PieceLayerOutput[] = [];
  for (let o = machine.poll(); o !== undefined; o = machine.poll()) {
    list.push(o);
  }
  return list;
}

for (const blocks of [1, 2, 4]) {
  Deno.test(`PieceLayerMachine gathers all layers of pieces of ${blocks} blocks, beside liars and refusers`, async () => {
    const whole = await torrent(blocks * BLOCK_SIZE);
    const bare = parseInfo(whole.infoBytes);
    assertEquals(bare.pieceLayers?.size ?? 0, 0);
    const server = new HashServer(whole);
    const machine = new PieceLayerMachine(bare);
    let now = 0;
    for (const peer of [1, 2, 3]) machine.handle({ type: "peer", peer }, now);
    const dropped: number[] = [];
    let layers: ReadonlyMap<string, Uint8Array> | undefined;
    for (let step = 0; step < 200 && layers === undefined; step++) {
      const outputs = drain(machine);
      for (const output of outputs) {
        if (output.type === "done") layers = output.pieceLayers;
        else if (output.type === "drop") dropped.push(output.peer);
        else if (output.peer === 1) {
          machine.handle({ ...output, type: "reject" }, now);
        } else {
          const hashes = server.answer(output.range).hashes!.slice();
          if (output.peer === 2) hashes[hashes.length - 1]! ^= 1;
          machine.handle({ ...output, type: "hashes", hashes }, now);
        }
      }
      if (outputs.length === 0) {
        now = machine.deadline!;
        machine.handleTimeout(now);
      }
    }
    assertEquals(dropped, [2], "the liar, and nobody else");
    assertEquals(layers, new Map(whole.pieceLayers));
    assert(machine.done);
    assertEquals(machine.deadline, undefined);
  });
}

Deno.test("PieceLayerMachine looks at nobody anew for what says nothing", async () => {
  const bare = parseInfo((await torrent()).infoBytes);
  const machine = new PieceLayerMachine(bare);
  for (const peer of [1, 2]) machine.handle({ type: "peer", peer }, 0);
  const [first] = drain(machine);
  assert(first?.type === "request" && first.peer === 1);
  const { range } = first;
  const hashes = new Uint8Array(32 * range.length);
  // The other could be asked now: there is a timer for that.
  machine.handle({ type: "reject", peer: 2, range }, 800);
  machine.handle({ type: "hashes", peer: 2, range, hashes }, 800);
  assertEquals(drain(machine), []);
  machine.handleTimeout(800);
  const asked = drain(machine).map((o) => o.type === "request" && o.peer);
  assert(asked.length > 0 && asked.every((peer) => peer === 2));
});

Deno.test("PieceLayerMachine asks another peer when one does not answer", async () => {
  const bare = parseInfo((await torrent()).infoBytes);
  const machine = new PieceLayerMachine(bare);
  machine.handle({ type: "peer", peer: 1 }, 0);
  const first = drain(machine);
  assertEquals(first.map((o) => o.type === "request" && o.peer), [1, 1, 1, 1]);
  assertEquals(machine.deadline, 750);
  machine.handle({ type: "peer", peer: 2 }, 500);
  drain(machine);
  assertEquals(machine.deadline, 750);
  // Where the first one lets us wait, the other is asked as well.
  machine.handleTimeout(750);
  const asked = (list: PieceLayerOutput[]) =>
    list.map((o) => o.type === "request" && o.peer);
  assertEquals(asked(drain(machine)), [2, 2]);
  machine.handleTimeout(3_000);
  assertEquals(drain(machine), [], "the first one is left alone for a while");
  machine.handle({ type: "gone", peer: 2 }, 3_001);
  assertEquals(drain(machine), []);
  assertEquals(machine.deadline, 6_000);
  machine.handleTimeout(6_000);
  assertEquals(asked(drain(machine)), [1, 1]);
});

Deno.test("PieceLayerMachine asks another peer at once for what one refuses", async () => {
  const machine = new PieceLayerMachine(parseInfo((await torrent()).infoBytes));
  machine.handle({ type: "peer", peer: 1 }, 0);
  const [first] = drain(machine);
  assert(first?.type === "request");
  machine.handle({ type: "peer", peer: 2 }, 0);
  drain(machine);
  machine.handle({ ...first, type: "reject" }, 0);
  assertEquals(drain(machine), [{ ...first, peer: 2 }]);
  // What nobody was asked for is no answer.
  const range = { ...first.range, index: 7 };
  machine.handle({ type: "reject", peer: 2, range }, 0);
  machine.handle({ type: "reject", peer: 3, range: first.range }, 0);
  assertEquals(drain(machine), []);
});
