import { assert, assertEquals, assertRejects } from "@std/assert";
import { aborted, onAborted, orAborted } from "../../_shared/abort.ts";

const test = (name: string, fn: () => Promise<void> | void) =>
  Deno.test({ name, permissions: "none", fn });

test("orAborted() is what the promise is, or the signal's reason", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const never = new Promise<number>(() => {});
  assertEquals(await orAborted(Promise.resolve(1), signal), 1);
  assertEquals(await orAborted(Promise.resolve(2), undefined), 2);
  const failing = orAborted(Promise.reject(new RangeError("No")), signal);
  await assertRejects(() => failing, RangeError, "No");
  const waiting = orAborted(never, signal);
  controller.abort(new TypeError("Over"));
  await assertRejects(() => waiting, TypeError, "Over");
  await assertRejects(() => orAborted(never, signal), TypeError, "Over");
});

test("aborted() resolves for signals that fire and that have fired", async () => {
  const controller = new AbortController();
  let isOver = false;
  const waiting = aborted(controller.signal).then(() => isOver = true);
  await Promise.resolve();
  assert(!isOver);
  controller.abort();
  await waiting;
  await aborted(controller.signal);
});

test("onAborted() calls back once, unless it is taken back", () => {
  const controller = new AbortController();
  const calls: string[] = [];
  onAborted(controller.signal, () => void calls.push("kept"));
  const forget = onAborted(controller.signal, () => void calls.push("gone"));
  forget();
  controller.abort();
  assertEquals(calls, ["kept"]);
});
