import { assertEquals } from "@std/assert";
import type { PeerHints } from "../../../_shared/address.ts";
import type { ByteTransport } from "../../../_shared/byte_conn.ts";
import {
  connectTimeoutMs,
  type DialAttempt,
  type DialFacts,
  dialLanes,
  DialPlan,
  headStartMs,
} from "../../../handshake/dial/dial_plan.ts";

const none = { permissions: "none" } as const;

function transport(name: string, dials = true): ByteTransport {
  const connect = () => Promise.reject(new Error("not in this test"));
  return { name, dials, connect, listen: connect };
}
const [tcp, utp] = [transport("tcp"), transport("utp")];

function lanes(facts: Partial<DialFacts>): string[] {
  const all = [transport("deaf", false), tcp, utp];
  return dialLanes(all, { encryption: "prefer", ...facts })
    .map(({ transport, encrypted }) => `${transport.name} ${encrypted}`);
}

Deno.test("dialLanes() follows what came of earlier dials", none, () => {
  const both = ["tcp true,false", "utp true,false"];
  const failed = (...names: string[]) => ({ failed: new Set(names) });
  assertEquals(lanes({}), both);
  assertEquals(lanes({ past: failed("tcp") }), both.toReversed());
  assertEquals(lanes({ past: failed("utp") }), both);
  assertEquals(lanes({ past: failed("tcp", "utp") }), both);
  assertEquals(
    lanes({ past: { worked: "utp", failed: new Set(), encrypted: false } }),
    ["utp false", "tcp false"],
  );
  assertEquals(
    lanes({ past: { worked: "tcp", ...failed("utp"), encrypted: true } }),
    ["tcp true"],
  );
});

Deno.test("dialLanes() encrypts as the policy and the peer want", none, () => {
  const first = (facts: DialFacts) => lanes(facts)[0]!.slice(4);
  const hints = { encryption: true };
  assertEquals(first({ encryption: "allow" }), "false,true");
  assertEquals(first({ encryption: "allow", hints }), "true,false");
  assertEquals(first({ encryption: "off", hints }), "false");
  assertEquals(first({ encryption: "require" }), "true");
});

Deno.test(
  "connectTimeoutMs() is short where others lead us there",
  none,
  () => {
    const limit = (hints?: PeerHints) => connectTimeoutMs(15_000, hints);
    assertEquals(limit(), 15_000);
    assertEquals(limit({ holepunch: true }), 5_000);
    assertEquals(limit({ holepunch: true, reachable: true }), 15_000);
    assertEquals(limit({ utp: true }), 15_000);
    assertEquals(connectTimeoutMs(100, { holepunch: true }), 100);
  },
);

Deno.test(
  "DialPlan begins both at once for who came to others by uTP",
  none,
  () => {
    assertEquals(headStartMs(undefined), 300);
    assertEquals(headStartMs({ utp: true, reachable: true }), 300);
    assertEquals(headStartMs({ utp: true }), 0);
    const both = [tcp, utp].map((transport) => ({
      transport,
      encrypted: [true],
    }));
    const plan = new DialPlan(both, 1000, 0);
    assertEquals(plan.poll()?.attempt.transport, tcp);
    assertEquals(plan.poll()?.attempt.transport, utp);
  },
);

/** Drives a plan by hand. */
class Run {
  readonly plan: DialPlan;
  readonly attempts: DialAttempt[] = [];
  now = 1000;

  constructor(encrypted = [true, false]) {
    const all = [tcp, utp].map((transport) => ({ transport, encrypted }));
    this.plan = new DialPlan(all, this.now);
  }

  /** What is to be done since the last look. */
  take(): string {
    const steps: string[] = [];
    let step;
    while ((step = this.plan.poll()) !== undefined) {
      const { type, attempt } = step;
      if (type === "connect") this.attempts.push(attempt);
      const { transport: { name }, encrypted } = attempt;
      steps.push(`${type} ${name} ${encrypted ? "mse" : "plain"}`);
    }
    return steps.join(", ");
  }

  /** Lets time pass up to the deadline; how long it was. */
  wait(): number | undefined {
    const { deadline } = this.plan;
    if (deadline === undefined) return undefined;
    const waited = deadline - this.now;
    this.now = deadline;
    this.plan.handleTimeout(deadline);
    return waited;
  }

  connected(n: number) {
    this.plan.connected(this.attempts[n]!, this.now);
    return this.take();
  }

  failed(n: number, isHungUp = false) {
    this.plan.failed(this.attempts[n]!, isHungUp, this.now);
    return this.take();
  }
}

Deno.test("DialPlan begins uTP beside a TCP that is slow", none, () => {
  const run = new Run();
  assertEquals(run.take(), "connect tcp mse");
  assertEquals([run.wait(), run.take()], [300, "connect utp mse"]);
  assertEquals([run.wait(), run.plan.isOver], [undefined, false]);
  // Hands are shaken on one connection at a time.
  assertEquals(run.connected(1), "shake utp mse");
  assertEquals(run.connected(0), "");
  assertEquals([run.wait(), run.take()], [2500, "shake tcp mse"]);
});

Deno.test("DialPlan goes on at once where TCP is refused", none, () => {
  const run = new Run();
  run.take();
  assertEquals(run.failed(0), "connect utp mse");
  assertEquals(run.failed(1), "");
  assertEquals([run.plan.isOver, run.plan.deadline], [true, undefined]);
});

Deno.test("DialPlan begins no uTP beside a TCP that is connected", none, () => {
  const run = new Run();
  run.take();
  assertEquals(run.connected(0), "shake tcp mse");
  assertEquals(run.plan.deadline, run.now + 2500);
});

Deno.test("DialPlan tries the other kind where a peer hangs up", none, () => {
  const run = new Run();
  run.take();
  run.connected(0);
  assertEquals(run.failed(0, true), "connect tcp plain");
  assertEquals(run.connected(1), "shake tcp plain");
  assertEquals(run.failed(1, true), "connect utp mse");
  run.connected(2);
  assertEquals(run.failed(2, true), "connect utp plain");
  run.connected(3);
  assertEquals(run.failed(3, true), "");
  assertEquals(run.plan.isOver, true);
});

Deno.test("DialPlan tries the other kind beside a silent peer", none, () => {
  const run = new Run();
  run.take();
  run.connected(0);
  assertEquals([run.wait(), run.take()], [2500, "connect tcp plain"]);
  assertEquals(run.connected(1), "shake tcp plain");
  // Silent there, too: another transport, and both connections stay.
  assertEquals([run.wait(), run.take()], [2500, "connect utp mse"]);
  assertEquals(run.failed(0), "");
  assertEquals(run.failed(1), "");
  assertEquals(run.failed(2), "");
  assertEquals(run.plan.isOver, true);
});

Deno.test(
  "DialPlan: another kind cannot help where time runs out",
  none,
  () => {
    const run = new Run([true]);
    run.take();
    run.connected(0);
    assertEquals([run.wait(), run.take()], [2500, "connect utp mse"]);
    assertEquals(run.failed(1), "");
    assertEquals(run.plan.isOver, false);
    assertEquals(run.failed(0), "");
    assertEquals(run.plan.isOver, true);
    // What is no longer under way changes nothing.
    assertEquals([run.failed(0, true), run.connected(1)], ["", ""]);
  },
);
