import { assert, assertEquals } from "@std/assert";
import {
  type AnnounceKind,
  AnnounceScheduler,
  type AnnounceTurn,
} from "../../../client/trackers/announce_scheduler.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

const MINUTE = 60_000;

/** Requests turns and notes when they come. */
function setUp() {
  const clock = new SimClock();
  const scheduler = new AnnounceScheduler(clock);
  const granted: [number, string][] = [];
  const refused: [string, number][] = [];
  const open: AnnounceTurn[] = [];
  const request = (url: string, kind: AnnounceKind = "download") => {
    const turn = scheduler.request(url, kind, {
      granted: () => {
        granted.push([clock.now(), url]);
        // Ended from outside of the call, as an answer comes later.
        queueMicrotask(() => open.push(turn));
      },
      refused: (retryInMs) => refused.push([url, retryInMs]),
    });
    return turn;
  };
  /** Lets time pass; answers come within a tenth of a second. */
  const answering = async (end: number) => {
    while (clock.now() < end) {
      await clock.advance(100);
      for (const turn of open.splice(0)) turn.end("answered");
    }
  };
  return { clock, scheduler, granted, refused, open, request, answering };
}

Deno.test("AnnounceScheduler grants a few at once, and spreads thousands", {
  permissions: "none",
}, async () => {
  const { clock, scheduler, granted, request, answering } = setUp();
  for (let i = 0; i < 5000; i++) {
    request(`http://t${i % 40}.test/announce`, "seed");
  }
  assertEquals(granted.length, 20);
  assertEquals(clock.pending, 1);
  // A download does not wait behind them.
  request("http://t0.test/announce");
  assertEquals(granted.at(-1), [0, "http://t0.test/announce"]);
  await answering(15 * MINUTE);
  assertEquals(granted.length, 5001);
  assertEquals(scheduler.stats, { waiting: 0, active: 0 });
  const aMinute = new Map<number, number>();
  for (const [at] of granted) {
    const minute = Math.floor(at / MINUTE);
    aMinute.set(minute, (aMinute.get(minute) ?? 0) + 1);
  }
  const counts = [...aMinute.values()];
  assert(Math.max(...counts) <= 6 * 60 + 20 + 1, `${counts}`);
  assertEquals(clock.pending, 0);
});

Deno.test("AnnounceScheduler bounds what one host gets, and takes turns", {
  permissions: "none",
}, async () => {
  const { granted, request, answering } = setUp();
  for (let i = 0; i < 300; i++) request(`http://one.test/${i}/announce`);
  for (let i = 0; i < 5; i++) request(`http://t${i}.test/announce`);
  // No more than eight at once there, so others need not wait at all.
  assertEquals(granted.length, 8 + 5);
  await answering(10_000);
  const ofOne = granted.filter(([, url]) => url.includes("one.test")).length;
  assert(ofOne >= 100 && ofOne <= 121, `${ofOne} in 10 s`);
});

Deno.test("AnnounceScheduler leaves a host alone that fails and fails", {
  permissions: "none",
}, async () => {
  const { clock, granted, refused, open, request } = setUp();
  const url = "http://down.test/announce";
  const fail = async () => {
    request(url);
    await clock.advance(0);
    open.pop()!.end("failed");
  };
  // As many as a torrent may have there: seven that fail do not hide the eighth.
  for (let i = 0; i < 8; i++) {
    assertEquals(refused, []);
    await fail();
  }
  request(url);
  assertEquals(refused, [[url, 5_000]]);
  // Afterwards one shows whether it is back; others wait for that.
  await clock.advance(5_000);
  for (let i = 0; i < 3; i++) request(url);
  await clock.advance(0);
  assertEquals(granted.length, 9);
  open.pop()!.end("failed");
  assertEquals(refused.slice(1), [[url, 10_000], [url, 10_000]]);
  await clock.advance(10_000);
  request(url);
  request(url);
  await clock.advance(0);
  assertEquals(granted.length, 10);
  open.pop()!.end("answered");
  await clock.advance(0);
  assertEquals(granted.length, 11);
  // A hostile one is asked a few times an hour at most.
  const hour = clock.now() + 60 * MINUTE;
  let asked = 0;
  while (clock.now() < hour) {
    request(url);
    await clock.advance(0);
    for (const turn of open.splice(0)) {
      asked++;
      turn.end("failed");
    }
    await clock.advance(1000);
  }
  assert(asked <= 21, `${asked} in an hour`);
});

Deno.test(
  "AnnounceScheduler goes on asking what answers at a host where all else fails",
  {
    permissions: "none",
  },
  async () => {
    const { clock, granted, refused, open, request } = setUp();
    const good = "udp://one.test:6969/announce";
    const end = async (outcome: "answered" | "failed") => {
      await clock.advance(0);
      for (const turn of open.splice(0)) turn.end(outcome);
    };
    const failMore = async () => {
      for (let i = 0; i < 8; i++) {
        request(`udp://one.test:${i}`);
        await end("failed");
      }
    };
    request(good);
    await end("answered");
    await failMore();
    request("udp://one.test:9");
    assertEquals(refused, [["udp://one.test:9", 5000]]);
    request(good, "seed");
    assertEquals(granted.at(-1), [0, good]);
    await end("answered");
    // Once it fails itself it is like the others.
    request(good);
    await end("failed");
    await failMore();
    refused.length = 0;
    request(good);
    assertEquals(refused.map(([url]) => url), [good]);
    assertEquals(clock.pending, 0);
  },
);

Deno.test("AnnounceScheduler counts redirects to a host as requests of it", {
  permissions: "none",
}, async () => {
  const { clock, scheduler } = setUp();
  let followed = 0;
  for (let s = 0; s < 10; s++) {
    for (let i = 0; i < 100; i++) {
      if (scheduler.follow(`http://victim.test/${i}`)) followed++;
    }
    await clock.advance(1000);
  }
  assert(followed <= 20 + 10 * 10, `${followed} in 10 s`);
});

Deno.test("AnnounceScheduler lets good-byes pass, bounded in parallel", {
  permissions: "none",
}, async () => {
  const { clock, granted, request, open, scheduler } = setUp();
  for (let i = 0; i < 500; i++) request("http://t.test/announce", "seed");
  granted.length = 0;
  for (let i = 0; i < 5000; i++) {
    request(`http://t${i % 50}.test/announce`, "goodbye");
  }
  assertEquals(granted.length, 256);
  assertEquals(scheduler.stats.active, 256 + 8);
  // Trackers that answer within 20 ms: all is told in half a second.
  let most = 0;
  for (let at = 0; at < 500; at += 20) {
    most = Math.max(most, scheduler.stats.active);
    await clock.advance(20);
    for (const turn of open.splice(0)) turn.end("answered");
  }
  assert(most <= 264, `${most} at once`);
  const said = granted.filter(([, url]) => url !== "http://t.test/announce");
  assertEquals(said.length, 5000);
});

Deno.test("AnnounceScheduler forgets who gives his place back", {
  permissions: "none",
}, () => {
  const { clock, granted, request, scheduler } = setUp();
  const turns = Array.from(
    { length: 30 },
    () => request("http://t.test/announce"),
  );
  assertEquals(granted.length, 8);
  for (const turn of turns) turn.end();
  for (const turn of turns) turn.end("failed");
  assertEquals(scheduler.stats, { waiting: 0, active: 0 });
  scheduler.close();
  assertEquals(clock.pending, 0);
});

Deno.test("AnnounceScheduler holds all but good-byes for a while", {
  permissions: "none",
}, async () => {
  const { clock, scheduler, granted, request } = setUp();
  scheduler.hold(clock.now() + 2000);
  request("http://a.test/announce");
  request("http://b.test/announce", "seed");
  request("http://c.test/announce", "goodbye");
  assertEquals(granted, [[0, "http://c.test/announce"]]);
  await clock.advance(1999);
  assertEquals(granted.length, 1);
  await clock.advance(1);
  assertEquals(granted.length, 3);
  scheduler.hold(clock.now() + 2000);
  request("http://d.test/announce");
  assertEquals(granted.length, 3);
  scheduler.hold(-Infinity);
  assertEquals(granted.length, 4);
  assertEquals(clock.pending, 0);
});

Deno.test("AnnounceScheduler believes two hosts that say one address", {
  permissions: "none",
}, () => {
  const scheduler = new AnnounceScheduler(new SimClock());
  const vote = (host: string, ip: string) =>
    scheduler.vote(`http://${host}.test/announce`, ip);
  for (const ip of ["10.0.0.1", "127.0.0.1", "::1", "no.ip.test", ""]) {
    assertEquals([vote("c", ip), vote("d", ip)], [undefined, undefined], ip);
  }
  assertEquals(vote("e", "8.8.4.4"), undefined);
  assertEquals(vote("e", "8.8.4.4"), undefined);
  assertEquals(vote("f", "8.8.4.4"), "8.8.4.4");
  // One that changes its mind counts for the last that it said.
  assertEquals([vote("e", "8.8.8.8"), vote("f", "8.8.8.8")], [
    undefined,
    "8.8.8.8",
  ]);
});

Deno.test("AnnounceScheduler lets seeds pass faster where very many wait", {
  permissions: "none",
}, async () => {
  const { granted, request, answering } = setUp();
  const seeds = Array.from(
    { length: 9_020 },
    (_, i) => request(`http://t${i % 40}.test/announce`, "seed"),
  );
  // What others take back makes no difference.
  const others = Array.from(
    { length: 9_000 },
    (_, i) => request(`http://t${i % 40}.test/announce`),
  );
  for (const turn of others) turn.end();
  granted.length = 0;
  await answering(10_000);
  const isFast = granted.length;
  assert(isFast >= 95 && isFast <= 101, `${isFast} in 10 s`);
  for (const turn of seeds.slice(400)) turn.end();
  granted.length = 0;
  await answering(20_000);
  const isUsual = granted.length;
  assert(isUsual >= 57 && isUsual <= 61, `${isUsual} in 10 s`);
});

Deno.test("AnnounceScheduler follows redirects to a host once it has rested", {
  permissions: "none",
}, async () => {
  const { clock, scheduler, request, open } = setUp();
  const url = "http://down.test/announce";
  for (let i = 0; i < 8; i++) {
    request(url);
    await clock.advance(0);
    open.pop()!.end("failed");
  }
  await clock.advance(4_999);
  assertEquals(scheduler.follow(url), false);
  await clock.advance(1);
  assertEquals(scheduler.follow(url), true);
});

Deno.test("AnnounceScheduler forgets the oldest host of 1024 that is idle", {
  permissions: "none",
}, async () => {
  const { clock, scheduler, refused, granted, request, open } = setUp();
  const busy = "http://busy.test/announce";
  const full = "http://full.test/announce";
  for (let i = 0; i < 8; i++) request(busy);
  // One that only says good-bye, and one where others wait.
  request("http://bye.test/announce", "goodbye");
  scheduler.hold(Infinity);
  request(full);
  const down = "http://down.test/announce";
  for (let i = 0; i < 8; i++) {
    const turn = request(down, "goodbye");
    await clock.advance(0);
    turn.end("failed");
  }
  open.length = 0;
  const rests = () => {
    request(down);
    return refused.splice(0).length > 0;
  };
  for (let i = 0; i < 1_020; i++) scheduler.follow(`http://h${i}.test/`);
  assertEquals(rests(), true);
  scheduler.follow("http://one-more.test/");
  assertEquals(rests(), false);
  // The others are as they were.
  const before = granted.length;
  scheduler.hold(-Infinity);
  request(busy);
  const urls = granted.slice(before).map(([, url]) => url);
  assertEquals(urls.includes(full), true);
  assertEquals(urls.includes(busy), false);
});

Deno.test("AnnounceScheduler has one timer, for the first that may go", {
  permissions: "none",
}, async () => {
  const { clock, granted, request } = setUp();
  for (let i = 0; i < 21; i++) request(`http://s${i}.test/announce`, "seed");
  assertEquals([granted.length, clock.pending], [20, 1]);
  for (let i = 0; i < 31; i++) request(`http://d${i}.test/announce`);
  assertEquals([granted.length, clock.pending], [50, 1]);
  await clock.advance(50);
  assertEquals(granted.at(-1), [50, "http://d30.test/announce"]);
});
