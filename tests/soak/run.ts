/** A soak from beginning to end, in a world of its own. */
import { randomInt, seededRandom } from "../../_shared/random.ts";
import {
  churn,
  type CrowdOptions,
  openSeeder,
  remotes,
  wireHost,
} from "./crowd.ts";
import { BadTracker, BadWire, troubleDisk, troubleWires } from "./faults.ts";
import { compare, get, Hammer } from "./hammer.ts";
import { floors } from "./floors.ts";
import { SoakedDaemon } from "./soaked_daemon.ts";
import {
  Counts,
  DAEMON_HOST,
  makeLibrary,
  openNetwork,
  pause,
} from "./world.ts";
import { run } from "../support/process.ts";

const TITLES = 16;
/** Of the disk that is filled: the library, what must be free, some room. */
const DISK = "192m";
/** What a daemon needs that has nothing may grow by so much, in KiB. */
const MAX_HEAP_GROWTH = 512;
/** What is resident late may be so much more than what was before. */
const MAX_GROWTH = 1.15;
/** It is warm after so much of the time; shorter runs do not tell. */
const WARM = 0.3;
/** So long it has to run: what is given back in quiet times comes again. */
const LEAST_MINUTES = 12;
/** What a daemon without peers may take more than at first, of a processor. */
const MAX_IDLE = 0.05;
/** How long the end of all faults may take to be noticed, in milliseconds. */
const RECOVERY_MS = 90_000;

/**
 * Runs a soak and prints what came of it.
 *
 * @param root An empty folder.
 * @param minutes How long the trouble lasts.
 * @param seed Of all chance but that of timing.
 * @returns Whether all held.
 */
export async function soak(
  root: string,
  minutes: number,
  seed: number,
): Promise<boolean> {
  const random = seededRandom(seed);
  const failures: string[] = [];
  const counts = {
    swarm: new Counts(),
    calls: new Counts(),
    faults: new Counts(),
  };
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    failures.push(`Unhandled here: ${event.reason?.stack ?? event.reason}`);
  });
  await openNetwork();
  const [small, disk] = [`${root}/small`, `${root}/disk`];
  for (const dir of [small, disk, `${disk}/library`, `${disk}/peers`]) {
    await Deno.mkdir(dir);
  }
  await run("mount", "-t", "tmpfs", "-o", `size=${DISK}`, "tmpfs", small);
  const library = `${disk}/library`;
  const announce = "http://10.9.5.1:6969/announce";
  const titles = await makeLibrary(library, TITLES, announce, random);

  await using stack = new AsyncDisposableStack();
  const tracker = stack.use(new BadTracker("10.9.5.1", random, counts.faults));
  const places = [
    { name: "lasting", state: `${small}/state.db`, dir: `${small}/files` },
    { name: "killed", state: `${disk}/state.db`, dir: `${disk}/files` },
  ].map((place, i) => ({
    ...place,
    otherDir: `${disk}/other-${i}`,
    port: 7000 + i,
    dhtNode: `${DAEMON_HOST}:${7001 - i}`,
  }));
  const wires = places.map(({ port }, i) => {
    const to = { hostname: DAEMON_HOST, port };
    stack.use(new BadWire(wireHost(i), to, random, counts.faults));
    return `${wireHost(i)}:${port}`;
  });
  const crowd: CrowdOptions = {
    titles,
    library,
    temp: `${disk}/peers`,
    wires,
    random,
    counts: counts.swarm,
    failures,
  };
  const hammers = places.map((place) =>
    new Hammer(
      stack.use(new SoakedDaemon(place)),
      titles,
      random,
      counts.calls,
    )
  );
  const [lasting, killed] = hammers as [Hammer, Hammer];
  const base = await begin(hammers);
  const seeder = stack.use(await openSeeder(crowd));

  // Everything at once.
  const ending = new AbortController();
  const { signal } = ending;
  const isThere = (port: number) =>
    hammers.some((hammer) =>
      hammer.isOpen && hammer.daemon.place.port + 2000 === port
    );
  const ports = places.map(({ port }) => port + 2000);
  const under = new Set<string>();
  const work = Promise.all(
    Object.entries({
      "remotes of the lasting one": lasting.work(4, signal),
      "remotes of the killed one": killed.work(4, signal),
      "looks at the lasting one": lasting.watch(signal),
      "looks at the killed one": killed.watch(signal),
      "audits of the lasting one": audit(lasting, signal),
      "audits of the killed one": audit(killed, signal),
      "transmission-remote": remotes(ports, crowd, isThere, signal),
      "peers": churn(crowd, signal),
      "wires": troubleWires(random, counts.faults, signal),
      "the disk": troubleDisk(small, random, counts.faults, signal),
      "kills": killNowAndThen(killed, random, counts.faults, signal),
      "memory": lookAtMemory(lasting, signal),
      "weight": weighWarm(lasting, minutes, signal),
    }).map(async ([name, part]) => {
      under.add(name);
      await part;
      under.delete(name);
    }),
  );
  // What one of them throws is told, and ends the others.
  const told = work.catch((error) => {
    failures.push(`The soak itself: ${error.stack}`);
    ending.abort();
  });
  await pause(minutes * 60_000, signal);
  ending.abort();
  const patience = setTimeout(() => {
    console.log(`  These do not end: ${[...under].join(", ")}`);
  }, RECOVERY_MS);
  await told;
  clearTimeout(patience);
  tracker.isBad = false;
  const { memory, heap } = lasting.daemon;

  console.error(`Trouble is over: ${counts.faults}`);
  await Promise.all(
    hammers.map((hammer) =>
      recover(hammer, failures).catch((error) =>
        failures.push(`${hammer.daemon.place.name}: ${error.stack}`)
      )
    ),
  );
  const present = hammers.map((hammer) => hammer.present);
  await seeder.close();
  const after = await rest(lasting, base.descriptors.length).catch(
    async (error): Promise<Rest> => {
      const load = await lasting.daemon.load(3);
      failures.push(`lasting: ${error.stack}; it takes ${load}`);
      return { load, descriptors: lasting.daemon.descriptors() };
    },
  );
  const stops: number[] = [];
  for (const hammer of hammers) {
    stops.push(await hammer.daemon.stop());
    const { verdict, torrents } = await hammer.daemon.checkState();
    // The one that was killed has its torrents still.
    if (verdict !== "ok") failures.push(`The state file: ${verdict}`);
    if (torrents !== hammer.present) {
      failures.push(`${torrents} of ${hammer.present} torrents are kept`);
    }
    failures.push(
      ...hammer.failures,
      ...hammer.daemon.complaints.map((line) =>
        `${hammer.daemon.place.name} complains: ${line}`
      ),
    );
  }

  // What memory and descriptors did.
  const minutely = floors(memory, 60_000).map(({ value }) => value);
  // To be weighed takes memory for a moment.
  const from = Math.ceil(minutely.length * WARM) + 1;
  const middle = (from + minutely.length) >> 1;
  const before = Math.max(0, ...minutely.slice(from, middle));
  const later = Math.max(0, ...minutely.slice(middle));
  const growth = (heap.at(-1) ?? 0) - (heap[0] ?? 0);
  const isJudged = minutes >= LEAST_MINUTES;
  if (isJudged && growth > MAX_HEAP_GROWTH) {
    failures.push(`The heap has grown by ${growth.toFixed(0)} KiB`);
  }
  if (isJudged && later > before * MAX_GROWTH) {
    failures.push("What is resident grows");
  }
  if (after.descriptors.length > base.descriptors.length) {
    failures.push(`Left open: ${after.descriptors.join(", ")}`);
  }
  if (after.load > base.load + MAX_IDLE) {
    failures.push(`It is never idle: ${after.load} of a processor`);
  }
  const mib = (kib: number) => `${(kib / 1024).toFixed(0)} MiB`;
  const limit = (text: string) =>
    isJudged ? `at most ${text}` : "too short to judge";
  console.log(`soak of ${minutes} minutes, seed ${seed}
  peers        ${counts.swarm}
  calls        ${counts.calls}
  faults       ${counts.faults}
  torrents     ${present.join(" and ")} at the end, ${
    lasting.daemon.expected + killed.daemon.expected
  } errors of full disks
  memory       ${mib(before)} at most when warm, ${mib(later)} later (${
    limit(`${MAX_GROWTH} times`)
  }); by minute: ${minutely.map((kib) => (kib / 1024).toFixed(0)).join(" ")}
  heap         grew by ${growth.toFixed(0)} KiB (${
    limit(`${MAX_HEAP_GROWTH}`)
  }); emptied: ${heap.map((kib) => (kib / 1024).toFixed(2)).join(" ")} MiB
  descriptors  ${base.descriptors.length} before, ${after.descriptors.length} after
  idle         ${(base.load * 100).toFixed(1)} % of a processor before, ${
    (after.load * 100).toFixed(1)
  } % after
  stopped in   ${stops.map((ms) => `${(ms / 1000).toFixed(1)} s`).join(", ")}`);
  for (const [failure, times] of counted(failures).slice(0, 40)) {
    console.log(`  FAILED ${failure}${times > 1 ? ` (${times} times)` : ""}`);
  }
  console.log(failures.length === 0 ? "ok" : `${failures.length} failures`);
  return failures.length === 0;
}

/** How often each is there, in the order of the first. */
function counted(texts: readonly string[]): [string, number][] {
  const times = new Map<string, number>();
  for (const text of texts) times.set(text, (times.get(text) ?? 0) + 1);
  return [...times];
}

/** Starts the daemons; tells what one has open, and what it does, at rest. */
async function begin(hammers: readonly Hammer[]): Promise<Rest> {
  for (const { daemon } of hammers) {
    await Deno.mkdir(daemon.place.dir);
    await Deno.mkdir(daemon.place.otherDir);
    await daemon.start();
    await daemon.remote().call("session_stats");
    await daemon.metrics();
  }
  await pause(1_000);
  const { daemon } = hammers[0]!;
  const load = await daemon.load(4);
  const descriptors = daemon.descriptors();
  for (const hammer of hammers) hammer.open();
  return { load, descriptors };
}

/** A daemon that does nothing. */
interface Rest {
  /** Part of a processor. */
  readonly load: number;
  readonly descriptors: readonly string[];
}

/** Removes all torrents, and waits until nothing is left of what they had open. */
async function rest(
  hammer: Hammer,
  count: number,
): Promise<Rest> {
  const { daemon } = hammer;
  await hammer.removeAll();
  let descriptors: string[] = [];
  for (let second = 0; second < 60; second++) {
    await pause(1_000);
    descriptors = daemon.descriptors();
    if (descriptors.length <= count) break;
  }
  await daemon.weigh();
  return { load: await daemon.load(5), descriptors };
}

/** Notes what is resident, and the log, every second. */
async function lookAtMemory(
  { daemon }: Hammer,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    daemon.look();
    await pause(1_000, signal);
  }
}

/** Weighs a daemon once it is warm, when it has nothing. */
async function weighWarm(
  hammer: Hammer,
  minutes: number,
  signal: AbortSignal,
): Promise<void> {
  await pause(minutes * 60_000 * WARM, signal);
  await hammer.quietly(async () => {
    await hammer.removeAll();
    // What was under way comes to its end.
    await pause(5_000);
    await hammer.daemon.weigh();
  });
}

/** Holds what is there against what should be, while nobody changes it. */
async function audit(hammer: Hammer, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(20_000, signal);
    if (signal.aborted || !hammer.isOpen) continue;
    await hammer.quietly(async () => {
      await hammer.reconcile(false);
      await hammer.agree();
    });
  }
}

async function killNowAndThen(
  hammer: Hammer,
  random: Parameters<typeof randomInt>[0],
  counts: Counts,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await pause(4_000 + randomInt(random, 16_000), signal);
    if (signal.aborted) break;
    counts.add("kills");
    await hammer.survive();
  }
}

/** Paths of all files below a folder. */
function filesOf(dir: string): string[] {
  return Array.from(Deno.readDirSync(dir)).flatMap(({ name, isDirectory }) =>
    isDirectory ? filesOf(`${dir}/${name}`) : [`${dir}/${name}`]
  );
}

/** After all trouble everything comes to its end, is whole and is told. */
async function recover(hammer: Hammer, failures: string[]): Promise<void> {
  const { daemon, remote, titles } = hammer;
  const { name } = daemon.place;
  await hammer.reconcile(false);
  await remote.call("session_set", {
    alt_speed_enabled: false,
    download_queue_enabled: false,
  });
  await remote.call("torrent_set", { download_limited: false });
  const end = performance.now() + RECOVERY_MS;
  const until = async (
    what: string,
    check: (one: Awaited<ReturnType<typeof get>>[number]) => boolean,
  ) => {
    for (;;) {
      const all = await get(remote);
      const late = all.filter((one) => !check(one));
      if (late.length === 0) return;
      if (performance.now() > end) {
        const { torrents: [one] } = await remote.call("torrent_get", {
          ids: late[0]!.id,
          fields: [
            ...["id", "name", "status", "left_until_done", "error_string"],
            ...["rate_download", "peers", "tracker_stats", "peers_from"],
          ],
        }) as { torrents: unknown[] };
        failures.push(
          `${name}: ${late.length} not ${what}: ${JSON.stringify(one)}`,
        );
        return;
      }
      await remote.call("torrent_set", { files_wanted: [] });
      await pause(500);
    }
  };
  await remote.call("torrent_start_now");
  await until(
    "complete",
    ({ status, left_until_done, files, error }) =>
      status === 6 && left_until_done === 0 && files.length > 0 && error === 0,
  );
  await remote.call("torrent_verify");
  await pause(500);
  await until(
    "whole when checked",
    ({ status, percent_done }) => status === 6 && percent_done === 1,
  );
  for (const { id, hash_string: hash } of await get(remote)) {
    const title = titles.find((one) => one.hash === hash)!;
    let wrong: string | undefined = "it is gone";
    // What waited for the check may rename or move files just now.
    for (let attempt = 0; attempt < 20 && wrong !== undefined; attempt++) {
      if (attempt > 0) await pause(500);
      const [torrent] = await get(remote, [id]);
      if (torrent !== undefined) wrong = await compare(torrent, title);
    }
    if (wrong === undefined) continue;
    const { dir, otherDir } = daemon.place;
    const there = [dir, otherDir].flatMap((root) => filesOf(root));
    failures.push(`${name}: ${wrong}; there are ${there.join(", ")}`);
  }
  await hammer.agree();
}
