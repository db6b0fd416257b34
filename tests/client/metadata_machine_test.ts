import { assert, assertEquals } from "@std/assert";
import { equalBytes } from "../../_shared/bytes.ts";
import { randomInt, seededRandom } from "../../_shared/random.ts";
import {
  METADATA_PIECE_SIZE,
  MetadataMachine,
  type MetadataOutput,
} from "../../client/metadata_machine.ts";

const info = seededRandom(7)(new Uint8Array(3 * METADATA_PIECE_SIZE + 100));
const machineFor = (maxSize?: number) =>
  new MetadataMachine({
    verify: (bytes) => equalBytes(bytes, info),
    ...(maxSize === undefined ? {} : { maxSize }),
  });
function drain(machine: MetadataMachine): MetadataOutput[] {
  const list: MetadataOutput[] = [];
  while (true) {
    const output = machine.poll();
    if (output === undefined) return list;
    list.push(output);
  }
}
const piece = (bytes: Uint8Array, index: number) =>
  bytes.subarray(
    index * METADATA_PIECE_SIZE,
    (index + 1) * METADATA_PIECE_SIZE,
  );

Deno.test("MetadataMachine joins pieces of several peers", {
  permissions: "none",
}, () => {
  const machine = machineFor();
  machine.handle({ type: "peer", peer: 1, size: info.length }, 0);
  const first = drain(machine);
  assertEquals(first.length, 4);
  machine.handle({ type: "reject", peer: 1, piece: 3 }, 0);
  machine.handle({ type: "peer", peer: 2, size: info.length }, 0);
  assertEquals(drain(machine), [{ type: "request", peer: 2, piece: 3 }]);
  for (const [peer, index] of [[1, 0], [1, 1], [1, 2], [2, 3]] as const) {
    machine.handle({
      type: "data",
      peer,
      piece: index,
      totalSize: info.length,
      data: piece(info, index),
    }, 1);
  }
  const [done] = drain(machine);
  assert(done?.type === "done");
  assertEquals(done.infoBytes, info);
  assert(machine.done);
  assertEquals(machine.deadline, undefined);
});

Deno.test("MetadataMachine refuses sizes out of bounds", {
  permissions: "none",
}, () => {
  const machine = machineFor(100_000);
  for (const size of [0, -1, 2 ** 32, 100_001, NaN, 1.5]) {
    machine.handle({ type: "peer", peer: 1, size }, 0);
    const [output, ...rest] = drain(machine);
    assertEquals(output?.type, "drop", String(size));
    assertEquals(rest, []);
  }
});

Deno.test("MetadataMachine asks another peer after a timeout", {
  permissions: "none",
}, () => {
  const machine = machineFor();
  machine.handle({ type: "peer", peer: 1, size: info.length }, 0);
  machine.handle({ type: "peer", peer: 2, size: info.length }, 0);
  drain(machine);
  machine.handleTimeout(machine.deadline!);
  const again = drain(machine);
  assertEquals(again.map((o) => o.type === "request" && o.peer), [2, 2, 2, 2]);
});

Deno.test("MetadataMachine drops peers with wrong sizes", {
  permissions: "none",
}, () => {
  for (
    const bad of [
      { totalSize: 5, data: piece(info, 0) },
      { totalSize: info.length, data: new Uint8Array(5) },
    ]
  ) {
    const machine = machineFor();
    machine.handle({ type: "peer", peer: 1, size: info.length }, 0);
    drain(machine);
    machine.handle({ type: "data", peer: 1, piece: 0, ...bad }, 0);
    assertEquals(drain(machine).map((o) => o.type), ["drop"]);
  }
});

Deno.test("MetadataMachine finishes beside liars, whatever the order", {
  permissions: "none",
}, () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed);
    const liars = new Set([0, 1, 2].slice(0, 1 + randomInt(random, 3)));
    const machine = machineFor();
    const queue: MetadataOutput[] = [];
    const dropped = new Set<number>();
    let now = 0;
    let found = false;
    for (let peer = 0; peer < 4; peer++) {
      // One liar also lies about the size.
      const size = peer === 0 && seed % 3 === 0 ? 50_000 : info.length;
      machine.handle({ type: "peer", peer, size }, now);
    }
    for (let step = 0; step < 2000 && !found; step++) {
      queue.push(...drain(machine));
      if (queue.length === 0) {
        now = machine.deadline!;
        machine.handleTimeout(now);
        continue;
      }
      const [output] = queue.splice(randomInt(random, queue.length), 1);
      if (output!.type === "done") {
        assertEquals(output!.infoBytes, info);
        found = true;
      } else if (output!.type === "drop") {
        assert(liars.has(output!.peer), `seed ${seed}: only liars are dropped`);
        dropped.add(output!.peer);
      } else if (!dropped.has(output!.peer)) {
        const { peer, piece: index } = output!;
        const size = peer === 0 && seed % 3 === 0 ? 50_000 : info.length;
        let data: Uint8Array = piece(info, index);
        if (liars.has(peer)) {
          data = new Uint8Array(
            Math.min(
              METADATA_PIECE_SIZE,
              size - index * METADATA_PIECE_SIZE,
            ),
          );
        }
        machine.handle({
          type: "data",
          peer,
          piece: index,
          totalSize: size,
          data,
        }, now);
      }
    }
    assert(found, `seed ${seed}: metadata arrives`);
  }
});

Deno.test(
  "MetadataMachine holds no more than two dictionaries of the largest size",
  {
    permissions: "none",
  },
  () => {
    const maxSize = 10 * METADATA_PIECE_SIZE;
    const machine = machineFor(maxSize);
    let most = 0;
    // Each claims a size of its own and sends all but the last piece.
    const sizes = Array.from({ length: 100 }, (_, i) => maxSize - i);
    sizes.forEach((size, peer) =>
      machine.handle({ type: "peer", peer, size }, 0)
    );
    for (let step = 0; step < 5000; step++) {
      const output = machine.poll();
      if (output === undefined) break;
      if (output.type !== "request" || output.piece === 9) continue;
      machine.handle({
        type: "data",
        peer: output.peer,
        piece: output.piece,
        totalSize: sizes[output.peer],
        data: new Uint8Array(METADATA_PIECE_SIZE),
      }, 0);
      most = Math.max(most, machine.heldBytes);
    }
    assert(
      most > maxSize && most <= 2 * maxSize + METADATA_PIECE_SIZE,
      `${most}`,
    );
    // An honest one gets through all the same.
    machine.handle({ type: "peer", peer: 1000, size: info.length }, 0);
    for (let index = 0; index < 4; index++) {
      machine.handle({
        type: "data",
        peer: 1000,
        piece: index,
        totalSize: info.length,
        data: piece(info, index),
      }, 0);
    }
    assert(machine.done);
  },
);

Deno.test("MetadataMachine forgets what peers that left had sent", {
  permissions: "none",
}, () => {
  const machine = machineFor();
  for (let peer = 0; peer < 50; peer++) {
    const size = 100_000 + peer;
    machine.handle({ type: "peer", peer, size }, 0);
    machine.handle({
      type: "data",
      peer,
      piece: 0,
      totalSize: size,
      data: new Uint8Array(METADATA_PIECE_SIZE),
    }, 0);
    machine.handle({ type: "gone", peer }, 0);
  }
  assertEquals(machine.heldBytes, 0);
});
