import { assert, assertEquals } from "@std/assert";
import {
  LoginGate,
  PLACES,
  PLACES_PER_ADDRESS,
} from "../../../daemon/http/login_gate.ts";

const permissions = "none";

Deno.test({
  name: "each wrong password waits longer, and is forgotten in time",
  permissions,
  fn() {
    const gate = new LoginGate();
    let now = 0;
    const guess = (address = "a") => {
      gate.enter(address, now);
      const delay = gate.wrong(address, now);
      gate.leave(address);
      return delay;
    };
    assertEquals(
      Array.from({ length: 8 }, () => guess()),
      [100, 200, 400, 800, 1600, 3200, 5000, 5000],
    );
    assertEquals(guess("b"), 100, "others are no worse off");
    now += 899_999;
    assertEquals(guess(), 5000);
    now += 900_000;
    assertEquals(guess(), 100);
    // Who was right is not remembered at all.
    gate.enter("c", now);
    gate.leave("c");
    assertEquals(guess("c"), 100);
  },
});

Deno.test({
  name: "places are few, for each and for all",
  permissions,
  fn() {
    const gate = new LoginGate();
    for (let i = 0; i < PLACES_PER_ADDRESS; i++) {
      assert(!gate.isFull("a"));
      gate.enter("a", 0);
    }
    assert(gate.isFull("a") && !gate.isFull("b"));
    gate.leave("a");
    assert(!gate.isFull("a"));
    for (let i = PLACES_PER_ADDRESS - 1; i < PLACES; i++) {
      assert(!gate.isFull(`b${i}`));
      gate.enter(`b${i}`, 0);
    }
    assert(gate.isFull("z"));
    gate.leave("b10");
    assert(!gate.isFull("z"));
  },
});

Deno.test({
  name: "strangers do not take the places of who knew the password",
  permissions,
  fn() {
    const gate = new LoginGate();
    gate.right("me");
    for (let i = 0; i < PLACES; i++) gate.enter(`${i}`, 0);
    assert(gate.isFull("z") && !gate.isFull("me"));
    for (let i = 0; i < PLACES_PER_ADDRESS; i++) gate.enter("me", 0);
    assert(gate.isFull("me"), "who sits at the same address may guess, too");
    for (let i = 0; i < 64; i++) gate.right(`known ${i}`);
    for (let i = 0; i < PLACES_PER_ADDRESS; i++) gate.leave("me");
    assert(gate.isFull("me"), "those who came long ago are forgotten");
  },
});

Deno.test({
  name: "addresses are remembered up to a number",
  permissions,
  fn() {
    const gate = new LoginGate();
    const guess = (address: string) => {
      gate.enter(address, 0);
      const delay = gate.wrong(address, 0);
      gate.leave(address);
      return delay;
    };
    for (let i = 0; i < 1_024; i++) guess(`${i}`);
    assertEquals(guess("1"), 200);
    assertEquals(guess("new"), 100);
    assertEquals(guess("0"), 100, "the one longest ago made room");
    assertEquals(guess("1"), 400);
  },
});
