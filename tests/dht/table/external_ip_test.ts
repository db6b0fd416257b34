import { assertEquals } from "@std/assert";
import { tryParseIp } from "../../../_shared/address.ts";
import { ExternalIpVotes } from "../../../dht/table/external_ip.ts";

const none = { permissions: "none" } as const;
const MINUTE = 60_000;
const ours = tryParseIp("198.51.100.7")!;
const theirs = tryParseIp("8.8.8.8")!;
const voter = (n: number) => new Uint8Array([9, n >> 8, n, 1]);

/** Votes of so many subnets; gives the winners in order. */
function vote(
  votes: ExternalIpVotes,
  from: number,
  count: number,
  ip: Uint8Array,
  now = 0,
): Uint8Array[] {
  const winners: Uint8Array[] = [];
  for (let i = from; i < from + count; i++) {
    const winner = votes.vote(voter(i), ip, now);
    if (winner !== undefined) winners.push(winner);
  }
  return winners;
}

Deno.test("25 votes decide, once", none, () => {
  const votes = new ExternalIpVotes();
  assertEquals(vote(votes, 0, 24, ours), []);
  assertEquals(votes.address, undefined);
  assertEquals(vote(votes, 24, 1, ours), [ours]);
  assertEquals(votes.address, ours);
  // The same winner is no news.
  assertEquals(vote(votes, 100, 500, ours, MINUTE), []);
});

Deno.test("a liar has one vote a subnet", none, () => {
  const votes = new ExternalIpVotes();
  for (let i = 0; i < 1000; i++) {
    const from = new Uint8Array([6, 6, 6, i]);
    assertEquals(votes.vote(from, theirs, i), undefined);
  }
  assertEquals(vote(votes, 0, 24, ours), [ours]);
});

Deno.test("a runner-up of two thirds means no decision", none, () => {
  const votes = new ExternalIpVotes();
  vote(votes, 0, 12, theirs);
  assertEquals(vote(votes, 100, 17, ours), []);
  // 18 of one against 12 of another is not clear; 19 is.
  assertEquals(vote(votes, 200, 1, ours), []);
  assertEquals(vote(votes, 300, 1, ours), [ours]);
});

Deno.test("an unclear round ends at 50 votes and is forgotten", none, () => {
  const fair = new ExternalIpVotes();
  for (let i = 0; i < 50; i++) fair.vote(voter(i), i % 2 ? ours : theirs, 0);
  assertEquals(fair.address, undefined);
  assertEquals(vote(fair, 100, 24, ours), []);
  assertEquals(vote(fair, 200, 1, ours), [ours]);
});

Deno.test("a new address wins after a round", none, () => {
  const votes = new ExternalIpVotes();
  vote(votes, 0, 25, ours);
  assertEquals(vote(votes, 0, 30, theirs, 1), []);
  assertEquals(votes.address, ours);
  assertEquals(vote(votes, 100, 1, theirs, 5 * MINUTE), []);
  assertEquals(vote(votes, 101, 1, theirs, 5 * MINUTE + 1), [theirs]);
  // Or when there are many votes sooner.
  assertEquals(vote(votes, 0, 50, ours, 6 * MINUTE), [ours]);
});

Deno.test("only addresses of the internet count", none, () => {
  for (const text of ["127.0.0.1", "10.0.0.1", "0.0.0.0", "224.0.0.1", "::1"]) {
    const votes = new ExternalIpVotes();
    assertEquals(vote(votes, 0, 60, tryParseIp(text)!), [], text);
  }
  assertEquals(vote(new ExternalIpVotes(), 0, 60, new Uint8Array(5)), []);
});

Deno.test("mapped IPv4 is IPv4, and the winner owns its bytes", none, () => {
  const votes = new ExternalIpVotes();
  vote(votes, 0, 12, ours);
  const mapped = tryParseIp("::ffff:198.51.100.7")!;
  vote(votes, 100, 13, mapped);
  mapped.fill(0);
  assertEquals(votes.address, ours);
});

Deno.test("of forty candidates and one, the last gets no votes", none, () => {
  const votes = new ExternalIpVotes();
  for (let i = 0; i < 40; i++) {
    votes.vote(voter(i), Uint8Array.of(8, 8, 8, i), 0);
  }
  // That costs its voters nothing.
  assertEquals(vote(votes, 100, 100, ours), []);
  assertEquals(votes.address, undefined);
  const one = Uint8Array.of(8, 8, 8, 1);
  assertEquals(vote(votes, 100, 25, one), [one]);
});

Deno.test(
  "liars who fill the candidates do so for one round only",
  none,
  () => {
    const votes = new ExternalIpVotes();
    const ours = Uint8Array.of(80, 1, 1, 1);
    const voter = (i: number) => Uint8Array.of(5, i >> 8, i & 255, 1);
    for (let i = 0; i < 40; i++) {
      votes.vote(voter(i), Uint8Array.of(90, 0, 0, i), 0);
    }
    for (let i = 40; i < 100; i++) {
      assertEquals(votes.vote(voter(i), ours, 299_999), undefined);
    }
    let won: Uint8Array | undefined;
    for (let i = 100; i < 125; i++) won ??= votes.vote(voter(i), ours, 300_000);
    assertEquals(won, ours);
  },
);
