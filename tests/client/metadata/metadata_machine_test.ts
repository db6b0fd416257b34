import { assert, assertEquals } from "@std/assert";
import { equalBytes } from "../../../_shared/bytes.ts";
import { randomInt, seededRandom } from "../../../_shared/random.ts";
import {
  MetadataMachine,
  type MetadataOutput,
} from "../../../client/metadata/metadata_machine.ts";
import { METADATA_PIECE_LENGTH } from "../../../peer/ut_metadata.ts";

const info = seededRandom(7)(new Uint8Array(3 * METADATA_PIECE_LENGTH + 100));
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
    index * METADATA_PIECE_LENGTH,
    (index + 1) * METADATA_PIECE_LENGTH,
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

Deno.test("MetadataMachine looks at nobody anew for what says nothing", {
  permissions: "none",
}, () => {
  const machine = machineFor();
  const { length } = info;
  for (const peer of [1, 2]) {
    machine.handle({ type: "peer", peer, size: length }, 0);
  }
  for (const peer of [8, 9]) {
    machine.handle({ type: "peer", peer, size: 100 }, 0);
  }
  drain(machine);
  // The second of each kind could be asked now: there is a timer for that.
  const data = new Uint8Array(100);
  for (
    const input of [
      { type: "reject", peer: 2, piece: 0 },
      { type: "reject", peer: 7, piece: 0 },
      { type: "peer", peer: 2, size: length },
      { type: "data", peer: 2, piece: 0, totalSize: 100, data },
      // What one peer does is nothing to those that claim another size.
      { type: "reject", peer: 8, piece: 0 },
    ] as const
  ) machine.handle(input, 800);
  assertEquals(drain(machine), [{ type: "request", peer: 9, piece: 0 }]);
  machine.handleTimeout(800);
  assertEquals(drain(machine).map((o) => o.type === "request" && o.peer), [
    2,
    2,
    2,
    2,
  ]);
});

Deno.test("MetadataMachine asks who refused again, ever later", {
  permissions: "none",
}, () => {
  const machine = machineFor();
  let now = 0;
  machine.handle({ type: "peer", peer: 1, size: 1000 }, now);
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) {
    assertEquals(drain(machine), [{ type: "request", peer: 1, piece: 0 }]);
    machine.handle({ type: "reject", peer: 1, piece: 0 }, now);
    assertEquals(drain(machine), []);
    waits.push((machine.deadline! - now) / 1000);
    now = machine.deadline!;
    machine.handleTimeout(now);
  }
  assertEquals(waits, [5, 10, 20, 40, 40, 40]);
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
      } else if (output!.type !== "request") {
        assert(liars.has(output!.peer), `seed ${seed}: only liars are dropped`);
        dropped.add(output!.peer);
      } else if (!dropped.has(output!.peer)) {
        const { peer, piece: index } = output!;
        const size = peer === 0 && seed % 3 === 0 ? 50_000 : info.length;
        let data: Uint8Array = piece(info, index);
        if (liars.has(peer)) {
          data = new Uint8Array(
            Math.min(
              METADATA_PIECE_LENGTH,
              size - index * METADATA_PIECE_LENGTH,
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
    const maxSize = 10 * METADATA_PIECE_LENGTH;
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
        totalSize: sizes[output.peer]!,
        data: new Uint8Array(METADATA_PIECE_LENGTH),
      }, 0);
      most = Math.max(most, machine.heldBytes);
    }
    assert(
      most > maxSize && most <= 2 * maxSize + METADATA_PIECE_LENGTH,
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
      data: new Uint8Array(METADATA_PIECE_LENGTH),
    }, 0);
    machine.handle({ type: "gone", peer }, 0);
  }
  assertEquals(machine.heldBytes, 0);
});

/** How a peer answers a request: after a while with bytes, or not at all. */
type Answer = (
  piece: number,
  asked: number,
) => { readonly ms: number; readonly data?: Uint8Array } | undefined;

/**
 * Plays peers in virtual time.
 *
 * @returns When the dictionary was there, and who was banned.
 */
function play(
  peers: readonly { readonly at: number; readonly answer: Answer }[],
): { doneAt: number; banned: Set<number> } {
  const machine = machineFor();
  let now = 0;
  const banned = new Set<number>();
  const asked = new Map<number, number>();
  const queue: { at: number; act: (now: number) => void }[] = peers.map(
    ({ at }, peer) => ({
      at,
      act: (now) =>
        machine.handle({ type: "peer", peer, size: info.length }, now),
    }),
  );
  for (let step = 0; step < 100_000; step++) {
    for (const output of drain(machine)) {
      if (output.type === "ban") {
        banned.add(output.peer);
        continue;
      }
      if (output.type === "done") return { doneAt: now, banned };
      assert(output.type === "request", output.type);
      const { peer, piece: index } = output;
      const count = (asked.get(peer) ?? 0) + 1;
      asked.set(peer, count);
      const answer = peers[peer]!.answer(index, count);
      if (answer === undefined) continue;
      queue.push({
        at: now + answer.ms,
        act: (then) => {
          if (banned.has(peer)) return;
          machine.handle(
            answer.data === undefined
              ? { type: "reject", peer, piece: index }
              : {
                type: "data",
                peer,
                piece: index,
                totalSize: info.length,
                data: answer.data,
              },
            then,
          );
        },
      });
    }
    queue.sort((a, b) => a.at - b.at);
    const next = Math.min(
      queue[0]?.at ?? Infinity,
      machine.deadline ?? Infinity,
    );
    assert(next < Infinity, "nothing would ever happen");
    now = Math.max(now, next);
    if (queue[0] !== undefined && queue[0].at <= now) queue.shift()!.act(now);
    else machine.handleTimeout(now);
  }
  throw new Error("The dictionary never came");
}

const honest: Answer = (index) => ({ ms: 50, data: piece(info, index) });
const garbage: Answer = (index) => ({
  ms: 10,
  data: new Uint8Array(piece(info, index).length),
});
const silent: Answer = () => undefined;
const poison: Answer = (index, asked) =>
  index === 1 ? garbage(index, asked) : honest(index, asked);
const stalling: Answer = (index) =>
  index === 3 ? undefined : { ms: 10, data: piece(info, index) };
const dripping: Answer = (index) => ({ ms: 2_900, data: piece(info, index) });
const refusing: Answer = () => ({ ms: 10 });
const SYBILS: Record<string, readonly Answer[]> = {
  silent: [silent],
  garbage: [garbage],
  "one bad piece": [poison],
  "stalling before the last piece": [stalling],
  refusing: [refusing],
  "all kinds": [silent, garbage, poison, stalling, refusing],
  "dripping, one with a bad piece": [poison, ...Array(11).fill(dripping)],
};

for (const [what, answers] of Object.entries(SYBILS)) {
  Deno.test(`MetadataMachine: a dozen sybils, ${what}, cost seconds`, {
    permissions: "none",
  }, () => {
    const sybils = Array.from({ length: 12 }, (_, i) => ({
      at: 0,
      answer: answers[i % answers.length]!,
    }));
    for (const at of [0, 500]) {
      const { doneAt, banned } = play([...sybils, { at, answer: honest }]);
      assert(doneAt < 8_000, `${doneAt} ms`);
      assert(!banned.has(12), "the honest one is not banned");
    }
  });
}

Deno.test("MetadataMachine takes what comes late from a slow peer", {
  permissions: "none",
}, () => {
  let free = 0;
  // One piece in four seconds, in turn.
  const slow: Answer = (index) => {
    free += 4_000;
    return { ms: free, data: piece(info, index) };
  };
  const { doneAt, banned } = play([{ at: 0, answer: slow }]);
  assert(doneAt <= 40_000, `${doneAt} ms`);
  assertEquals(banned.size, 0);
});

Deno.test("MetadataMachine bans who sent it all and lied", {
  permissions: "none",
}, () => {
  const { banned } = play([
    { at: 0, answer: garbage },
    { at: 0, answer: poison },
    { at: 2_000, answer: honest },
  ]);
  assertEquals(banned, new Set([0, 1]));
});

Deno.test("MetadataMachine passes over what it did not ask for", {
  permissions: "none",
}, () => {
  const machine = machineFor();
  const data = (index: number, bytes: Uint8Array) =>
    machine.handle({
      type: "data",
      peer: 1,
      piece: index,
      totalSize: info.length,
      data: bytes,
    }, 1);
  data(0, piece(info, 0));
  machine.handle({ type: "peer", peer: 1, size: info.length }, 0);
  assertEquals(drain(machine).length, 4);
  data(9, new Uint8Array(3));
  data(0, piece(info, 0));
  // Said twice: the second time nobody asked.
  data(0, new Uint8Array(METADATA_PIECE_LENGTH));
  assertEquals(drain(machine), []);
  assertEquals(machine.heldBytes, METADATA_PIECE_LENGTH);
  for (const index of [1, 2, 3]) data(index, piece(info, index));
  assertEquals(drain(machine), [{ type: "done", infoBytes: info }]);
});
