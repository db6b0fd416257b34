import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../_shared/random.ts";
import { Patience } from "../../webseed/patience.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name: `Patience ${name}`, permissions: "none", fn });

function make() {
  const states: string[] = [];
  const patience: Patience = new Patience(
    seededRandom(1),
    () => void states.push(patience.state),
  );
  return { patience, states };
}

test("waits longer after each failure, by a quarter more or less", () => {
  const { patience, states } = make();
  let now = 0;
  for (const dueMs of [10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800]) {
    patience.failed(now);
    // Others fail for the same reason.
    patience.failed(now);
    const wait = patience.waitsUntil! - now;
    const due = 1000 * dueMs;
    assert(wait >= 0.75 * due && wait <= 1.25 * due, `${wait} for ${due}`);
    patience.handleTimeout(patience.waitsUntil! - 1);
    assertEquals(patience.state, "waiting");
    now = patience.waitsUntil!;
    patience.handleTimeout(now);
    assertEquals([patience.state, patience.waitsUntil], ["ready", undefined]);
  }
  assertEquals(states.length, 20);
  assertEquals(patience.hasFailed, true);
  patience.succeeded();
  assertEquals(patience.hasFailed, false);
  patience.failed(now);
  assert(patience.waitsUntil! - now <= 12_500);
});

test("does what a server says, within bounds", () => {
  for (const [said, ms] of [[0, 1_000], [5_000, 5_000], [1e9, 3_600_000]]) {
    const { patience } = make();
    patience.failed(7, said);
    assertEquals(patience.waitsUntil, 7 + ms!);
  }
  const { patience } = make();
  patience.unworthy(5);
  assertEquals([patience.waitsUntil, patience.hasFailed], [60_005, false]);
});

test("takes eight files in a row that are not there for a failure", () => {
  const { patience } = make();
  for (let i = 0; i < 7; i++) patience.dropped(0);
  patience.answered();
  for (let i = 0; i < 7; i++) patience.dropped(0);
  assertEquals(patience.state, "ready");
  patience.dropped(0);
  assertEquals([patience.state, patience.hasFailed], ["waiting", true]);
});

test("stays what it is for good, but for closed", () => {
  const { patience, states } = make();
  patience.to("ready");
  for (const state of ["banned", "gone", "ready", "closed"] as const) {
    patience.to(state);
    patience.failed(0);
    patience.handleTimeout(1e9);
  }
  assertEquals(states, ["banned", "closed"]);
});
