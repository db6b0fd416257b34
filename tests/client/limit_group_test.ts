import { assert, assertEquals } from "@std/assert";
import {
  limitsOf,
  makeLimitGroup,
  TorrentLimits,
} from "../../client/limit_group.ts";
import { RateLimiter } from "../../client/limits/rate_limiter.ts";
import { SimClock } from "../../testing/sim_clock.ts";

const none = { permissions: "none" } as const;

function world() {
  const clock = new SimClock();
  const limiter = (bytesPerSecond?: number) =>
    new RateLimiter({ clock, bytesPerSecond });
  const session = {
    clock,
    downloadLimit: limiter(100_000),
    uploadLimit: limiter(),
  };
  const group = makeLimitGroup(session);
  const torrents = [1, 2].map(() => new TorrentLimits(session, {}));
  /** What both get in ten seconds. */
  const rates = async () => {
    const got = [0, 0];
    let stop = false;
    torrents.forEach(({ download }, i) => {
      void (async () => {
        while (!stop) {
          got[i]! += await download.take(16_384, { isGone: () => stop });
          await new Promise<void>((resolve) =>
            clock.schedule(clock.now() + 1, resolve)
          );
        }
      })();
    });
    for (let ms = 0; ms < 10_000; ms += 10) {
      await clock.advance(10);
    }
    stop = true;
    return got.map((bytes) => Math.round(bytes / 10_000));
  };
  return { session, group, torrents, rates };
}

Deno.test(
  "torrents of a group share its limit, below that of the session",
  none,
  async () => {
    const { group, torrents, rates } = world();
    group.downloadLimit = 40_000;
    for (const torrent of torrents) torrent.putBelow(limitsOf(group));
    const [a, b] = await rates();
    assert(Math.abs(a! + b! - 40) <= 2 && Math.abs(a! - b!) <= 2, `${a} ${b}`);
  },
);

Deno.test("a group may go beyond the limit of the session", none, async () => {
  const { group, torrents, rates } = world();
  group.downloadLimit = 400_000;
  group.honorsSession = false;
  assertEquals(group.honorsSession, false);
  for (const torrent of torrents) torrent.putBelow(limitsOf(group));
  const [a, b] = await rates();
  assert(a! + b! > 300 && a! + b! <= 405, `${a} ${b}`);
  group.honorsSession = true;
  assertEquals(group.honorsSession, true);
});

Deno.test(
  "what waits for one limit waits for another when it is put below that",
  none,
  async () => {
    const { session, torrents } = world();
    const { download } = torrents[0]!;
    session.downloadLimit.rate = 1;
    // The first take is owed for hours.
    download.take(16_384, { whole: true });
    const waiting = download.take(16_384, { whole: true });
    assert(waiting instanceof Promise);
    torrents[0]!.putBelow({ download: undefined, upload: undefined });
    assertEquals(await waiting, 16_384);
    assertEquals(download.take(5), 5);
    torrents[0]!.putBelow();
    assert(download.take(16_384) instanceof Promise);
    torrents[0]!.close();
    session.downloadLimit.close();
  },
);
