/** Peers that come and go: sessions of ours, and the programs of others. */
import { randomInt, type RandomSource } from "../../_shared/random.ts";
import { Session } from "../../client/mod.ts";
import { MemoryFileSystem } from "../../disk/mod.ts";
import { Child, run } from "../support/process.ts";
import { hasProgram, startLibtorrent } from "../interop/programs.ts";
import { type Counts, DAEMON_HOST, pause, type Title } from "./world.ts";

/** What a crowd is made of. */
export interface CrowdOptions {
  readonly titles: readonly Title[];
  /** Folder with the payload of all. */
  readonly library: string;
  /** For what the others download. */
  readonly temp: string;
  /** Where the daemons are reached by a bad wire. */
  readonly wires: readonly string[];
  readonly random: RandomSource;
  readonly counts: Counts;
  readonly failures: string[];
}

/** Opens a session that has everything, and stays. */
export async function openSeeder(
  { titles, library, random }: CrowdOptions,
): Promise<Session> {
  const seeder = await Session.open({
    bind: "10.9.1.1",
    listen: { port: 7100 },
    uploadLimit: 12 * 1024 * 1024,
    random,
  });
  for (const { torrent } of titles) {
    seeder.add(torrent, { dir: library, seedMode: true, readOnly: true });
  }
  return seeder;
}

/** All that come and go; resolves when they are gone. */
export async function churn(
  options: CrowdOptions,
  signal: AbortSignal,
): Promise<void> {
  const slots: Promise<void>[] = [];
  for (let slot = 2; slot < 6; slot++) slots.push(ours(options, slot, signal));
  if (hasProgram("libtorrent")) {
    for (const slot of [1, 2]) slots.push(libtorrent(options, slot, signal));
  }
  if (hasProgram("aria2c")) slots.push(aria2(options, signal));
  if (hasProgram("transmission-daemon")) {
    slots.push(transmission(options, signal));
  }
  await Promise.all(slots);
}

function pick<T>(random: RandomSource, values: readonly T[]): T {
  return values[randomInt(random, values.length)]!;
}

async function ours(
  { titles, library, random, counts, failures, wires }: CrowdOptions,
  slot: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    counts.add("of ours");
    try {
      await using session = await Session.open({
        bind: `10.9.1.${slot}`,
        utp: pick(random, ["both", "accept", "off"]),
        encryption: pick(random, ["off", "allow", "prefer", "require"]),
        uploadLimit: 1024 * 1024 * (1 + randomInt(random, 4)),
      });
      for (const title of titles) {
        if (randomInt(random, 3) > 0) continue;
        const isSeed = randomInt(random, 2) === 0;
        const [hostname, port] = pick(random, wires).split(":");
        session.add(title.torrent, {
          ...isSeed
            ? { dir: library, seedMode: true, readOnly: true }
            : { fileSystem: new MemoryFileSystem() },
          peers: [{ hostname: hostname!, port: Number(port) }],
        });
      }
      await pause(3_000 + randomInt(random, 15_000), signal);
    } catch (error) {
      failures.push(`A session of ours: ${(error as Error).stack}`);
      await pause(1_000, signal);
    }
  }
}

/** Runs a program until it ends by itself, or the soak does. */
async function live(child: Child, ms: number, signal: AbortSignal) {
  await using _child = child;
  await Promise.race([child.result, pause(ms, signal)]);
}

async function libtorrent(
  { titles, library, temp, random, counts, wires }: CrowdOptions,
  slot: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    counts.add("of libtorrent");
    const title = pick(random, titles);
    const isSeed = randomInt(random, 2) === 0;
    const dir = isSeed ? library : await Deno.makeTempDir({ dir: temp });
    await live(
      startLibtorrent(
        ...[isSeed ? "seed" : "leech", title.path, dir],
        ...["--listen", `10.9.2.${slot}`, "--as-it-comes", "--stay"],
        ...["--peer", pick(random, wires)],
      ),
      5_000 + randomInt(random, 15_000),
      signal,
    );
    if (!isSeed) await Deno.remove(dir, { recursive: true });
  }
}

async function aria2(
  { titles, temp, random, counts }: CrowdOptions,
  signal: AbortSignal,
): Promise<void> {
  const old = titles.filter(({ version }) => version === "v1");
  while (!signal.aborted) {
    counts.add("of aria2");
    const dir = await Deno.makeTempDir({ dir: temp });
    await live(
      new Child("aria2c", {
        args: [
          ...["--no-conf", "--enable-dht=false", "--enable-dht6=false"],
          ...["--bt-enable-lpd=false", "--disable-ipv6=true"],
          ...["--interface=10.9.3.1", "--file-allocation=none"],
          ...["--bt-tracker-interval=1", "--seed-ratio=0.0", "-q"],
          ...["--listen-port=7300", `--dir=${dir}`, pick(random, old).path],
        ],
      }),
      5_000 + randomInt(random, 15_000),
      signal,
    );
    await Deno.remove(dir, { recursive: true });
  }
}

async function transmission(
  { titles, temp, random, counts }: CrowdOptions,
  signal: AbortSignal,
): Promise<void> {
  const known = titles.filter(({ version }) => version !== "v2");
  while (!signal.aborted) {
    counts.add("of transmission");
    const dir = await Deno.makeTempDir({ dir: temp });
    const config = await Deno.makeTempDir({ dir: temp });
    await Deno.writeTextFile(
      `${config}/settings.json`,
      JSON.stringify({
        "bind-address-ipv4": "10.9.4.1",
        "dht-enabled": false,
        "lpd-enabled": false,
        "port-forwarding-enabled": false,
        "utp-enabled": true,
        "peer-port": 7400,
        "rpc-bind-address": "127.0.0.1",
        "rpc-port": 9400,
        "download-dir": dir,
      }),
    );
    {
      await using child = new Child("transmission-daemon", {
        args: ["--foreground", "--config-dir", config],
      });
      const end = performance.now() + 20_000 + randomInt(random, 20_000);
      while (!signal.aborted && performance.now() < end) {
        await pause(1_000, signal);
        await run("transmission-remote", "9400", "-a", pick(random, known).path)
          // It is not ready yet, or has it.
          .catch(() => {});
      }
      child.kill();
      await Promise.race([child.result, pause(3_000)]);
    }
    await Deno.remove(dir, { recursive: true });
    await Deno.remove(config, { recursive: true });
  }
}

/** `transmission-remote` against our own daemons, in all its ways. */
export async function remotes(
  ports: readonly number[],
  { random, counts, titles, failures }: CrowdOptions,
  isThere: (port: number) => boolean,
  signal: AbortSignal,
): Promise<void> {
  if (!hasProgram("transmission-remote")) return;
  const words = [
    ["-l"],
    ["-st"],
    ["-si"],
    ["-t", "all", "-i"],
    ["-t", "all", "-f"],
    ["-t", "all", "-ip"],
    ["-t", "all", "-it"],
    ["-t", "all", "--start"],
    ["--downlimit", "9000"],
    ["--no-downlimit"],
    ["-t", "active", "--reannounce"],
  ];
  while (!signal.aborted) {
    await pause(300, signal);
    const port = pick(random, ports);
    if (!isThere(port)) continue;
    counts.add("calls of transmission-remote");
    const asked = pick(random, words);
    try {
      const text = await run("transmission-remote", `${port}`, ...asked);
      // The list has a line for each, a head and a sum.
      if (
        asked[0] === "-l" && text.trim().split("\n").length > titles.length + 2
      ) {
        failures.push(`transmission-remote lists\n${text}`);
      }
    } catch (error) {
      const { message } = error as Error;
      // It says no more where a change is refused.
      const isChange = asked.join().includes("downlimit");
      if (isThere(port) && !isChange) failures.push(message);
    }
  }
}

/** Where a daemon is reached by a bad wire. */
export const wireHost = (index: number): string =>
  DAEMON_HOST.replace(/\.0\.1$/, `.6.${index + 1}`);
