import { assertEquals, assertRejects } from "@std/assert";
import { CallTurns } from "../../../daemon/rpc/call_turns.ts";
import { drain, SimClock } from "../../../testing/sim_clock.ts";
import { RpcWorld } from "./rpc_world.ts";

Deno.test("CallTurns - one after the other, errors and all", async () => {
  const clock = new SimClock();
  const turns = new CallTurns(clock, new AbortController().signal);
  const seen: string[] = [];
  const first = Promise.withResolvers<void>();
  const calls = ["a", "b", "c"].map((name) =>
    turns.take(async () => {
      seen.push(name);
      if (name === "a") await first.promise;
      if (name === "b") throw new TypeError("no");
      return { name };
    })
  );
  calls[1]!.catch(() => {});
  await drain();
  assertEquals(seen, ["a"]);
  first.resolve();
  assertEquals(await calls[0], { name: "a" });
  await assertRejects(() => calls[1]!, TypeError, "no");
  assertEquals(await calls[2], { name: "c" });
  assertEquals([seen, clock.pending], [["a", "b", "c"], 0]);
});

Deno.test("CallTurns - what takes long goes on, and the next begins", async () => {
  const clock = new SimClock();
  const ending = new AbortController();
  const turns = new CallTurns(clock, ending.signal);
  const never = Promise.withResolvers<object>();
  const late = turns.take(() => never.promise);
  late.catch(() => {});
  const next = turns.take(() => ({}));
  const patient = turns.patiently([never.promise]);
  await drain();
  await clock.advance(3_000);
  await patient;
  await clock.advance(3_000);
  await assertRejects(() => late, Error, "goes on");
  assertEquals(await next, {});
  const cut = turns.take(() => never.promise);
  cut.catch(() => {});
  await drain();
  ending.abort();
  await assertRejects(() => cut);
  assertEquals(clock.pending, 0);
});

Deno.test("rpc - what waits for a check that is held holds nothing up", async () => {
  const clock = new SimClock();
  await using world = await RpcWorld.open({}, { clock });
  await Deno.mkdir(world.dir.join("a"));
  const bytes = new Uint8Array(60_000).fill(2);
  await Deno.writeFile(world.dir.join("a", "b.mkv"), bytes);
  const id = await world.add("a");
  const other = await world.add("b");
  await world.checked(id);
  await world.checked(other);
  const { torrent } = world.daemon.get(id)!;
  // Held before it has looked at anything.
  const checked = torrent.recheck();
  await torrent.resume();
  await torrent.pause();
  const renaming = world.call("torrent_rename_path", {
    ids: id,
    path: "a/a.txt",
    name: "z.txt",
  });
  const later = world.call("torrent_set", { ids: other, labels: ["x"] });
  renaming.catch(() => {});
  for (let i = 0; i < 20 && clock.pending === 0; i++) await drain();
  await clock.advance(6_000);
  await assertRejects(() => renaming, Error, "goes on");
  await later;
  assertEquals(world.daemon.get(other)!.labels, ["x"]);
  // Options are kept without waiting for it.
  await world.call("torrent_set", {
    ids: id,
    tracker_list: "http://127.0.0.1:9/x",
  });
  await torrent.resume();
  await checked;
});

Deno.test("rpc - a batch whose answers grow too long ends early", async () => {
  await using world = await RpcWorld.open();
  const id = "x".repeat(4 * 1024 * 1024);
  const call = { jsonrpc: "2.0", method: "session_stats", id };
  const answers = await world.service.answer(
    JSON.stringify(Array(12).fill(call)),
  ) as Record<string, unknown>[];
  assertEquals(answers.map((answer) => "result" in answer), [
    ...Array(8).fill(true),
    ...Array(4).fill(false),
  ]);
  const { error } = answers.at(-1) as { error: { code: number } };
  assertEquals(error.code, -32600);
});
