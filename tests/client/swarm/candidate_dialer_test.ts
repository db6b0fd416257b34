import { assertEquals } from "@std/assert";
import type { Endpoint, PeerCandidate } from "../../../_shared/address.ts";
import { CandidateDialer } from "../../../client/swarm/candidate_dialer.ts";
import type { Swarm } from "../../../client/swarm/swarm.ts";
import { CandidateSources } from "../../../client/peers/candidate.ts";
import { HostBook } from "../../../client/limits/host_book.ts";
import {
  type HandshakeConnected,
  HandshakeError,
  type HandshakeErrorCode,
  type HandshakeEvent,
  type HandshakeFailed,
  type Handshaker,
} from "../../../handshake/mod.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

const none = { permissions: "none" } as const;
const infoHash = new Uint8Array(20).fill(1);

function failed(
  candidate: PeerCandidate,
  reason: HandshakeErrorCode,
): HandshakeEvent {
  const error = new HandshakeError(reason, "x");
  const { address } = candidate;
  const { fault } = error;
  return {
    type: "failed",
    reason,
    fault,
    error,
    address,
    direction: "outbound",
    candidate,
  };
}

interface Attempt {
  readonly candidate: PeerCandidate;
  end(event: HandshakeEvent): Promise<void>;
}

/** A dialler whose turns come at once, or when they are given. */
function setUp(more: { room?: () => number } = {}) {
  const clock = new SimClock();
  const attempts: Attempt[] = [];
  const waiting: (() => void)[] = [];
  const failures: string[] = [];
  const connected: HandshakeConnected[] = [];
  const state = { isPatient: false, isGone: false, turns: 0 };
  const handshaker: Pick<Handshaker, "dialNext"> = {
    dialNext: (_infoHash, choose) => {
      state.turns++;
      if (state.isGone) return Promise.resolve(undefined);
      return new Promise((resolve) => {
        const turn = () => {
          const candidate = choose();
          if (candidate === undefined) return resolve(undefined);
          attempts.push({
            candidate,
            end: (event) => {
              resolve(event);
              return clock.advance(0);
            },
          });
        };
        if (state.isPatient) waiting.push(turn);
        else queueMicrotask(turn);
      });
    },
  };
  const host = {
    infoHash,
    context: {
      clock,
      random: { getRandomValues: <T>(bytes: T) => bytes },
      sources: new CandidateSources(),
      hosts: new HostBook(),
      isBlocked: () => false,
      handshaker,
    },
    isComplete: false,
    places: {
      roomFor: (connecting: number) => (more.room?.() ?? 100) - connecting,
    },
    // A claim, as the swarm files it.
    adopt: (address: Endpoint) => dialler.list.claim(address, 1),
    attach: (event: HandshakeConnected) => connected.push(event),
    unreachable: () => {},
    dialFailed: ({ reason }: HandshakeFailed, isPunch = false) =>
      failures.push(isPunch ? `punch: ${reason}` : reason),
  };
  const dialler: CandidateDialer = new CandidateDialer(
    host as unknown as Swarm,
  );
  return {
    clock,
    host,
    dialler,
    attempts,
    waiting,
    failures,
    connected,
    state,
  };
}

const candidates = (count: number, source = "tracker"): PeerCandidate[] =>
  Array.from({ length: count }, (_, i) => ({
    infoHash,
    address: { hostname: `20.${i >> 8}.${i & 255}.1`, port: 6881 },
    source,
  }));

Deno.test(
  "CandidateDialer dials while it is active and there is room",
  none,
  async () => {
    let room = 5;
    const { dialler, attempts, clock } = setUp({ room: () => room });
    assertEquals(dialler.add(candidates(200)), 200);
    assertEquals(dialler.add(candidates(200)), 0);
    await clock.advance(0);
    assertEquals(attempts.length, 0);
    dialler.active = true;
    await clock.advance(0);
    assertEquals([attempts.length, dialler.connecting], [5, 5]);
    room = 30;
    dialler.connectMore();
    await clock.advance(0);
    assertEquals([attempts.length, dialler.connecting], [30, 30]);
    const { candidate, end } = attempts[0]!;
    await end(failed(candidate, "connect-failed"));
    assertEquals([attempts.length, dialler.connecting], [31, 30]);
    dialler.active = false;
    for (const { candidate, end } of attempts.slice(1)) {
      await end(failed(candidate, "connect-failed"));
    }
    assertEquals([attempts.length, dialler.connecting], [31, 0]);
    assertEquals(clock.pending, 0);
  },
);

Deno.test(
  "CandidateDialer gives places of slow attempts to others",
  none,
  async () => {
    const { dialler, attempts, clock } = setUp({ room: () => 5 });
    dialler.active = true;
    dialler.add(candidates(20));
    await clock.advance(3999);
    assertEquals([attempts.length, dialler.connecting], [5, 5]);
    await clock.advance(1);
    assertEquals([attempts.length, dialler.connecting], [10, 10]);
    const [slow, , , , , young] = attempts;
    // Whose place is another's by now leaves none.
    await slow!.end(failed(slow!.candidate, "connect-timeout"));
    assertEquals([attempts.length, dialler.connecting], [10, 9]);
    await young!.end(failed(young!.candidate, "connect-timeout"));
    assertEquals([attempts.length, dialler.connecting], [11, 9]);
    dialler.active = false;
  },
);

Deno.test("CandidateDialer waits for one turn at a time", none, async () => {
  const { dialler, attempts, waiting, state, clock } = setUp();
  state.isPatient = true;
  dialler.active = true;
  dialler.add(candidates(10));
  dialler.add(candidates(20));
  dialler.connectMore();
  assertEquals(waiting.length, 1);
  waiting.shift()!();
  assertEquals([waiting.length, attempts.length], [1, 1]);
  // What is chosen is chosen when the turn comes.
  dialler.add([{
    ...candidates(1)[0]!,
    address: { hostname: "a.example", port: 1 },
    source: "manual",
  }]);
  waiting.shift()!();
  assertEquals(attempts[1]!.candidate.address.hostname, "a.example");
  dialler.active = false;
  waiting.shift()!();
  assertEquals(attempts.length, 2);
  await clock.advance(0);
  assertEquals(waiting.length, 0);
});

Deno.test(
  "CandidateDialer tries again later what failed, and never itself",
  none,
  async () => {
    const { clock, dialler, attempts, failures } = setUp();
    dialler.active = true;
    dialler.add(candidates(3));
    await clock.advance(0);
    assertEquals(attempts.length, 3);
    const [self, dead, known] = attempts.splice(0);
    await self!.end(failed(self!.candidate, "self"));
    await dead!.end(failed(dead!.candidate, "connect-failed"));
    await known!.end(failed(known!.candidate, "duplicate-peer-id"));
    assertEquals(dialler.connecting, 0);
    assertEquals(dialler.list.size, 2);
    let again = 0;
    for (let i = 0; i < 600; i++) {
      await clock.advance(1000);
      for (const { candidate, end } of attempts.splice(0)) {
        assertEquals(candidate.address, dead!.candidate.address);
        await end(failed(candidate, "connect-failed"));
        again++;
      }
    }
    // The third is here by itself: let alone while it claims that.
    assertEquals([again, dialler.connecting, clock.pending], [4, 0, 0]);
    assertEquals(failures.length, 7);
  },
);

Deno.test("our own limits do not count against candidates", none, async () => {
  const { clock, dialler, attempts } = setUp();
  dialler.active = true;
  dialler.add(candidates(1));
  for (let i = 0; i < 50; i++) {
    await clock.advance(15_000);
    const { candidate, end } = attempts.shift()!;
    await end(failed(candidate, i % 2 ? "queue-full" : "no-descriptors"));
  }
});

Deno.test(
  "a turn that never comes is asked for again, not at once",
  none,
  async () => {
    const { clock, dialler, attempts, state } = setUp();
    state.isGone = true;
    dialler.active = true;
    dialler.add(candidates(1));
    await clock.advance(10_500);
    assertEquals([state.turns, attempts.length], [11, 0]);
    state.isGone = false;
    await clock.advance(1000);
    assertEquals(attempts.length, 1);
    dialler.active = false;
  },
);

Deno.test(
  "seeds that were of no use are dialled when they are",
  none,
  async () => {
    const { clock, host, dialler, attempts } = setUp();
    dialler.add(candidates(1));
    dialler.list.setSeed(candidates(1)[0]!.address);
    host.isComplete = true;
    dialler.active = true;
    await clock.advance(1000);
    assertEquals(attempts.length, 0);
    host.isComplete = false;
    dialler.wake();
    await clock.advance(0);
    assertEquals(attempts.length, 1);
  },
);

Deno.test(
  "without candidates there is neither a turn nor a timer",
  none,
  async () => {
    const { clock, dialler, state } = setUp();
    dialler.active = true;
    await clock.advance(60_000);
    assertEquals([state.turns, clock.pending], [0, 0]);
  },
);

Deno.test("whom a person names is dialled without room", none, async () => {
  const { clock, dialler, attempts } = setUp({ room: () => 0 });
  dialler.active = true;
  dialler.add(candidates(5));
  await clock.advance(60_000);
  assertEquals(attempts.length, 0);
  dialler.add([{ infoHash, address: { hostname: "21.1.1.1", port: 1 } }]);
  await clock.advance(0);
  assertEquals(attempts.map(({ candidate }) => candidate.source), ["manual"]);
});

Deno.test(
  "whom an introducer names is dialled by uTP, while there is room",
  none,
  async () => {
    const address = { hostname: "8.8.8.8", port: 7000 };
    for (
      const [isActive, room, isDialled] of [
        [true, 1, true],
        [false, 1, false],
        [true, 0, false],
      ] as const
    ) {
      const { clock, dialler, attempts, connected, failures } = setUp({
        room: () => room,
      });
      dialler.active = isActive;
      for (const type of ["connected", "failed"] as const) {
        void dialler.punch(address);
        await clock.advance(0);
        assertEquals(attempts.length, isDialled ? 1 : 0);
        assertEquals(dialler.connecting, attempts.length);
        const [attempt] = attempts.splice(0);
        if (attempt === undefined) continue;
        await attempt.end(
          type === "failed"
            ? failed(attempt.candidate, "connect-failed")
            : { type, candidate: attempt.candidate } as HandshakeConnected,
        );
        assertEquals([connected.splice(0).length, dialler.connecting], [
          type === "connected" ? 1 : 0,
          0,
        ]);
        assertEquals(
          failures.splice(0),
          type === "connected" ? [] : ["punch: connect-failed"],
        );
      }
      dialler.list.ban("8.8.8.8");
      void dialler.punch(address);
      await clock.advance(0);
      assertEquals(attempts.length, 0);
    }
  },
);

Deno.test(
  "an introducer is looked for where there was no connection at all",
  none,
  async () => {
    const { clock, dialler, attempts, host } = setUp();
    const lost: unknown[] = [];
    host.unreachable = (...args: unknown[]) => void lost.push(...args);
    dialler.active = true;
    dialler.add(candidates(3));
    await clock.advance(0);
    const reasons = [
      "connect-failed",
      "connect-timeout",
      "queue-full",
    ] as const;
    const all = attempts.splice(0);
    for (const [i, { candidate, end }] of all.entries()) {
      await end(failed(candidate, reasons[i]!));
    }
    assertEquals(lost, all.slice(0, 2).map(({ candidate }) => candidate));
  },
);
