import { assert, assertEquals } from "@std/assert";
import { Bench, PIECE } from "../support/web_seed_bench.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "WebSeedMachine - a range is asked for, read and cut into blocks",
  pure,
  () => {
    const b = new Bench();
    assertEquals(b.want(1, 2), ["/dir/t bytes=32768-98303"]);
    assertEquals(b.machine.active, 1);
    b.input({ type: "awaiting", id: 1 });
    assertEquals(b.part(PIECE, 3 * PIECE, 4 * PIECE), [{
      type: "read",
      id: 1,
    }]);
    b.bytes(PIECE + 5);
    b.bytes(PIECE - 5);
    assertEquals(b.blocks, ["1:0", "1:16384", "2:0", "2:16384"]);
    assertEquals(b.types(), []);
    assertEquals(b.input({ type: "ended", id: 1 }), [
      { type: "done", id: 1, blocks: [], failed: false },
    ]);
    assertEquals(b.machine.downloadedBytes, 2 * PIECE);
    assert(b.machine.downloadRate(b.now) > 0);
    assertEquals(b.machine.state, "ready");
    assertEquals(b.machine.deadline, undefined);
  },
);

Deno.test(
  "WebSeedMachine - asks for 1 to 16 MiB, a piece at least, three at a time once it works",
  pure,
  () => {
    const b = new Bench([{ length: 4 * PIECE }]);
    assertEquals(b.machine.window(b.now), 64);
    b.want(0);
    assertEquals(b.machine.window(b.now), 0);
    // What is wanted all the same comes back.
    b.want(1);
    assertEquals([b.unserved(), b.machine.active], [2, 1]);
    b.part(0, PIECE, 4 * PIECE);
    b.bytes(PIECE);
    b.input({ type: "ended", id: 1 });
    b.want(1);
    b.want(2);
    assertEquals(b.machine.active, 2);
    assert(b.machine.window(b.now) > 0);
    b.want(3);
    assertEquals(b.machine.window(b.now), 0);
    const long = new Bench([{ length: 200 * 1024 * 1024 }]);
    long.want(0);
    long.part(0, PIECE, 200 * 1024 * 1024);
    long.bytes(PIECE);
    long.input({ type: "ended", id: 1 });
    for (const [ms, blocks] of [[0, 64], [60_000, 64]]) {
      long.now += ms!;
      assertEquals(long.machine.window(long.now), blocks);
    }
    const fast = new Bench([{ length: 400 * 1024 * 1024 }]);
    fast.want(...Array.from({ length: 3000 }, (_, i) => i));
    fast.part(0, 16 * 1024 * 1024, 400 * 1024 * 1024);
    fast.now += 300;
    fast.bytes(16 * 1024 * 1024);
    fast.now += 300;
    assertEquals(fast.machine.window(fast.now), 1024);
  },
);

Deno.test(
  "WebSeedMachine - several files are asked for one after the other, padding never",
  pure,
  () => {
    const b = new Bench([
      { length: 40_000 },
      { length: 25_536, pad: true },
      { length: 100 },
    ]);
    assertEquals(b.want(1, 2), ["/dir/t/f0 bytes=32768-39999"]);
    b.part(PIECE, 40_000, 40_000);
    b.bytes(7232);
    assertEquals(b.blocks, ["1:0"]);
    b.input({ type: "ended", id: 1 });
    assertEquals(b.requests(), ["/dir/t/f2 bytes=0-99"]);
    b.part(0, 100, 100);
    b.bytes(100);
    b.input({ type: "ended", id: 1 });
    assertEquals(b.blocks, ["1:0", "2:0"]);
    assertEquals(b.unserved(), 1); // Nothing but padding: not fetched.
  },
);

Deno.test(
  "WebSeedMachine - waits after failures, longer each time, and differently",
  pure,
  () => {
    const b = new Bench();
    const waits: number[] = [];
    for (let id = 1; id <= 12; id++) {
      assertEquals(b.want(0).length, 1, `${id}`);
      b.input({ type: "failed", id, reason: "Connection refused" });
      assertEquals([b.unserved(), b.machine.state], [2, "waiting"]);
      assertEquals(b.machine.window(b.now), 0);
      waits.push(b.machine.waitsUntil! - b.now);
      b.pass(b.machine.waitsUntil! - b.now - 1);
      assertEquals(b.machine.state, "waiting");
      b.pass(2);
      assertEquals(b.machine.state, "ready");
      assertEquals(b.machine.waitsUntil, undefined);
    }
    assertEquals(b.machine.message, "Connection refused");
    const due = waits.map((_, i) => Math.min(1_800_000, 10_000 * 2 ** i));
    waits.forEach((ms, i) => {
      assert(ms >= due[i]! * 0.75 && ms <= due[i]! * 1.25, `${i}: ${ms}`);
    });
    assert(new Set(waits.map((ms, i) => ms / due[i]!)).size > 6);
    // One good answer, and it begins anew.
    b.want(0);
    b.part(0, PIECE, 4 * PIECE, 13);
    b.bytes(PIECE, 13);
    b.input({ type: "ended", id: 13 });
    b.want(0);
    b.input({ type: "failed", id: 14, reason: "x" });
    assert(b.machine.waitsUntil! - b.now <= 12_500);
  },
);

Deno.test("WebSeedMachine - Retry-After is obeyed within bounds", pure, () => {
  for (
    const [text, ms] of [
      ["120", 120_000],
      ["0", 1_000],
      ["999999", 3_600_000],
    ] as const
  ) {
    const b = new Bench();
    b.want(0);
    b.answer(503, { "retry-after": text });
    assertEquals(b.machine.waitsUntil! - b.now, ms, text);
    assertEquals(b.machine.message, "The server answered 503");
  }
  const b = new Bench();
  const waits = [];
  for (let i = 0; i < 6; i++) {
    b.want(0);
    b.answer(503, { "retry-after": "0" }, i + 1);
    waits.push(b.machine.waitsUntil! - b.now);
    b.pass(waits.at(-1)!);
  }
  assertEquals(waits.slice(0, 3), [1000, 1000, 1000]);
  assert(waits.slice(3).every((ms) => ms >= 60_000), waits.join());
});

Deno.test(
  "WebSeedMachine - a silent or slow server is given up, one that we hold back is not",
  pure,
  () => {
    const b = new Bench();
    b.want(0);
    b.input({ type: "awaiting", id: 1 });
    b.pass(29_999);
    assertEquals(b.types(), []);
    b.pass(1);
    assertEquals([b.unserved(), b.machine.state], [2, "waiting"]);
    assertEquals(b.machine.message, "The server sends nothing");

    const drip = new Bench();
    drip.want(0);
    drip.input({ type: "awaiting", id: 1 });
    drip.part(0, PIECE, 4 * PIECE);
    for (let i = 0; i < 30; i++) {
      assertEquals(drip.machine.state, "ready", `${i}`);
      drip.input({ type: "awaiting", id: 1 });
      drip.pass(1000);
      drip.bytes(i === 0 ? 1000 : 100);
    }
    assertEquals(drip.machine.message, "The server is too slow");

    // Fast enough when it is asked, however seldom that is.
    const held = new Bench();
    held.want(0);
    held.part(0, PIECE, 4 * PIECE);
    for (let i = 0; i < 60; i++) {
      held.pass(60_000);
      held.input({ type: "awaiting", id: 1 });
      held.pass(500);
      held.bytes(545);
    }
    assertEquals([held.machine.state, held.machine.active], ["ready", 1]);
  },
);

Deno.test(
  "WebSeedMachine - what is short or too long is not believed",
  pure,
  () => {
    const short = new Bench();
    short.want(0);
    short.part(0, PIECE, 4 * PIECE);
    short.bytes(20_000);
    short.input({ type: "ended", id: 1 });
    assertEquals(short.blocks, ["0:0"]);
    assertEquals([short.unserved(), short.machine.state], [1, "waiting"]);

    const long = new Bench([{ length: PIECE }, { length: PIECE }]);
    long.want(0);
    long.part(0, PIECE, PIECE);
    long.bytes(PIECE + 1);
    assertEquals(long.blocks, ["0:0", "0:16384"]);
    assertEquals(long.types(), ["done", "lost"]);
    assertEquals(long.machine.pieces.has(0), false);
    assertEquals(long.machine.downloadedBytes, PIECE);
  },
);

Deno.test(
  "WebSeedMachine - files that are not there are left alone, and their pieces lost",
  pure,
  () => {
    const b = new Bench([{ length: 40_000 }, { length: 40_000 }, {
      length: 10,
    }]);
    b.want(0);
    b.answer(404);
    assertEquals(b.outputs.find(({ type }) => type === "lost"), {
      type: "lost",
      pieces: [0, 1],
    });
    assertEquals(b.machine.state, "ready");
    // A piece that lies in it in part is not asked for again.
    b.want(1);
    assertEquals([b.unserved(), b.requests()], [1 + 1, []]);
    b.want(2);
    assertEquals(b.requests(), ["/dir/t/f1 bytes=25536-39999"]);
    b.answer(416, {}, 3);
    assertEquals(b.machine.state, "gone");
    assertEquals(b.machine.window(b.now), 0);
  },
);

Deno.test(
  "WebSeedMachine - many missing files in a row count as a failure",
  pure,
  () => {
    const b = new Bench(Array.from({ length: 40 }, () => ({ length: PIECE })));
    for (let i = 0; i < 8; i++) {
      assertEquals(b.machine.state, "ready");
      b.want(i);
      b.answer(410, {}, i + 1);
    }
    assertEquals(b.machine.state, "waiting");
  },
);

Deno.test(
  "WebSeedMachine - redirects are followed five times, and remembered",
  pure,
  () => {
    const b = new Bench();
    b.want(0);
    b.answer(302, { location: "/other" });
    assertEquals(b.outputs, [{
      type: "request",
      id: 1,
      url: "http://seed.example/other",
      headers: { "accept-encoding": "identity", range: "bytes=0-32767" },
      isRedirect: true,
    }]);
    b.answer(301, { location: "https://u:p@b.example/x#y" });
    assertEquals(b.requests(), ["https://b.example/x bytes=0-32767"]);
    b.part(0, PIECE, 4 * PIECE);
    b.bytes(PIECE);
    b.input({ type: "ended", id: 1 });
    assertEquals(b.want(1), ["https://b.example/x bytes=32768-65535"]);
    // Where it is no more, the first URL is asked again.
    b.answer(403, {}, 2);
    assertEquals(b.requests(), ["/dir/t bytes=32768-65535"]);
    assertEquals(b.machine.state, "ready");
    for (let i = 0; i < 5; i++) {
      b.answer(307, { location: `/${i}` }, 2);
      assertEquals(b.requests(), [`/${i} bytes=32768-65535`]);
    }
    b.answer(307, { location: "/6" }, 2);
    assertEquals(b.machine.message, "The server redirects too many times");
    assertEquals(b.machine.state, "waiting");
    const odd = new Bench();
    odd.want(0);
    odd.answer(302, { location: "file:///etc/passwd" });
    assertEquals([odd.requests(), odd.machine.state], [[], "waiting"]);
  },
);

Deno.test(
  "WebSeedMachine - credentials go to their own origin only",
  pure,
  () => {
    const b = new Bench(undefined, {
      base: "http://us%C3%A9r:p%40@seed.example/a",
    });
    const authorization = () =>
      b.outputs.map((output) =>
        output.type === "request" ? output.headers.authorization : ""
      );
    const basic = `Basic ${new TextEncoder().encode("usér:p@").toBase64()}`;
    b.want(0);
    assertEquals(authorization(), [basic]);
    assertEquals(b.requests(), ["/a bytes=0-32767"]);
    b.answer(302, { location: "/b" });
    assertEquals(authorization(), [basic]);
    b.answer(302, { location: "http://seed.example:8000/b" });
    assertEquals(authorization(), [undefined]);
    b.answer(302, { location: "https://seed.example/b" });
    assertEquals(authorization(), [undefined]);
  },
);

Deno.test(
  "WebSeedMachine - a forbidden URL ends it, a forbidden redirect the file",
  pure,
  () => {
    const b = new Bench([{ length: PIECE }, { length: PIECE }]);
    b.want(0);
    b.answer(302, { location: "http://10.0.0.1/" });
    b.input({ type: "failed", id: 1, reason: "private", isForbidden: true });
    assertEquals([b.machine.state, b.machine.pieces.has(0)], ["ready", false]);
    b.want(1);
    b.input({ type: "failed", id: 2, reason: "private", isForbidden: true });
    assertEquals([b.machine.state, b.unserved()], ["banned", 2]);
    assert(b.machine.pieces.isEmpty);
  },
);
