import { assertEquals } from "@std/assert";
import { RateLimiter } from "../../client/limits/rate_limiter.ts";
import { TorrentLimits } from "../../client/limit_group.ts";
import { SimClock } from "../../testing/sim_clock.ts";

Deno.test("TorrentLimits stand below those of the session, each its own", {
  permissions: "none",
}, async () => {
  const clock = new SimClock();
  const downloadLimit = new RateLimiter({ clock, bytesPerSecond: 1_000_000 });
  const uploadLimit = new RateLimiter({ clock });
  const context = { clock, downloadLimit, uploadLimit };
  const limits = new TorrentLimits(context, { uploadLimit: 50_000 });
  assertEquals([limits.downloadRate, limits.uploadRate], [Infinity, 50_000]);
  assertEquals([limits.download.rate, limits.upload.rate], [Infinity, 50_000]);
  // The session's holds for a torrent without one.
  assertEquals(limits.download.isOpen, false);
  assertEquals(limits.download.share, 1_000_000);
  limits.download.rate = 7_000;
  limits.upload.rate = Infinity;
  assertEquals([limits.downloadRate, limits.uploadRate], [7_000, Infinity]);
  assertEquals(limits.upload.isOpen, true);
  assertEquals([downloadLimit.rate, uploadLimit.rate], [1_000_000, Infinity]);

  const waiting = [1, 2].map(() => limits.download.take(100_000));
  let done = 0;
  for (const one of waiting) void Promise.resolve(one).then(() => done++);
  limits.close();
  await clock.advance(1_000);
  assertEquals(done, 2);
  downloadLimit.close();
  uploadLimit.close();
});
