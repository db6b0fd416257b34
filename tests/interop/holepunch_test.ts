// Two behind routers meet through a third (BEP 55): ours alone, then with
// libtorrent between them and as the one that is called.
import { assert, assertEquals } from "@std/assert";
import { sleep, systemClock } from "../../_shared/clock.ts";
import {
  HIDDEN,
  INSIDE,
  NatNet,
  OUTSIDE,
  RELAY,
  RELAY_ADDRESS,
} from "./nat_net.ts";
import { interopTest, type Program } from "./programs.ts";
import { Scene } from "./scene.ts";
import type { Child, ChildLine } from "../support/process.ts";

const QUIET = [
  ...["--no-trackers", "--no-dht", "--no-lpd", "--no-port-map", "--json"],
] as const;
const [CALLER, CALLED] = [0, 1] as const;

/** What a child told of its dealings with a host. */
function dealings(child: Child, hostname: string): unknown[] {
  return child.lines.filter((line) =>
    line.type === "peer" && `${line.address}`.startsWith(`${hostname}:`)
  ).map(({ state }) => state);
}

interface Cast {
  readonly relay: "bip" | "libtorrent";
  readonly called: "bip" | "libtorrent";
}

/** The hidden caller gets everything from the hidden seed, whom it cannot dial. */
async function meet({ relay, called }: Cast): Promise<void> {
  await using scene = await Scene.create({ files: 1_500_000 });
  await using net = await NatNet.open();
  // The relay has next to nothing to give, and passes nothing on.
  const middle = relay === "bip"
    ? net.startBip(
      RELAY,
      ...["download", scene.torrent, "-o", scene.folder(), ...QUIET],
      ...["--down-limit", "2K", "--up-limit", "1", "--port", "6881"],
    )
    : net.startLibtorrent(
      RELAY,
      ...["leech", scene.torrent, scene.folder(), "--listen", RELAY_ADDRESS],
      ...["--down-limit", "2000", "--stay"],
    );
  const { port } = await middle.line("listening");
  const peer = ["--peer", `${RELAY_ADDRESS}:${port}`];
  const seed = called === "bip"
    ? net.startBip(
      HIDDEN[CALLED],
      ...["seed", scene.torrent, scene.seedDir, ...QUIET, ...peer],
      ...["--port", "7001"],
    )
    : net.startLibtorrent(
      HIDDEN[CALLED],
      ...["seed", scene.torrent, scene.seedDir, ...peer],
      ...["--listen", INSIDE[CALLED]],
    );
  if (called === "bip") {
    await seed.line("peer", ({ state }) => state === "connected", 30_000);
  } else if (relay === "bip") {
    await middle.line("peer", ({ state }) => state === "connected", 30_000);
  }
  // It is told of others right after it came, and then not for a minute.
  if (relay === "bip") await sleep(systemClock, 4_000);
  const dir = scene.folder();
  const caller = net.startBip(
    HIDDEN[CALLER],
    ...["download", scene.torrent, "-o", dir, ...QUIET, ...peer],
    ...["--port", "7002", "--timeout", "100"],
  );
  const { code, lines, stderr } = await caller.result;
  assertEquals(code, 0, `${JSON.stringify(lines.slice(-5))}\n${stderr}`);
  await scene.compare(dir);
  // Dialling it failed before, unless both dialled at the same moment.
  const [first, second] = dealings(caller, OUTSIDE[CALLED]);
  assertEquals(first === "failed" ? second : first, "connected");
}

const PROGRAMS: readonly Program[] = ["nft", "ip"];

/** Routers that give every way another port: it cannot work, and costs little. */
async function miss(symmetric: [boolean, boolean]): Promise<void> {
  await using scene = await Scene.create({ files: 100_000 });
  await using net = await NatNet.open(symmetric);
  const middle = net.startBip(
    RELAY,
    ...["download", scene.torrent, "-o", scene.folder(), ...QUIET],
    ...["--down-limit", "2K", "--up-limit", "1", "--port", "6881"],
  );
  const { port } = await middle.line("listening");
  const peer = ["--peer", `${RELAY_ADDRESS}:${port}`];
  const seed = net.startBip(
    HIDDEN[CALLED],
    ...["seed", scene.torrent, scene.seedDir, ...QUIET, ...peer],
    ...["--port", "7001"],
  );
  await seed.line("peer", ({ state }) => state === "connected", 30_000);
  // It is told of others right after it came, and then not for a minute.
  await sleep(systemClock, 4_000);
  const caller = net.startBip(
    HIDDEN[CALLER],
    ...["download", scene.torrent, "-o", scene.folder(), ...QUIET, ...peer],
    ...["--port", "7002"],
  );
  const isOver = (line: ChildLine) => line.reason === "punch-failed";
  await Promise.all([
    caller.line("peer", isOver, 60_000),
    seed.line("peer", isOver, 60_000),
  ]);
  // Three a dial: directly, and once or twice after introductions.
  await sleep(systemClock, 10_000);
  for (const [n, child] of [[CALLER, caller], [CALLED, seed]] as const) {
    const count = await net.punches(n);
    assert(count > 0 && count <= 12, `${n}: ${count} datagrams`);
    assert(!dealings(child, OUTSIDE[1 - n]!).includes("connected"));
  }
}

interopTest(
  "holepunch: given up with one symmetric router and with two",
  PROGRAMS,
  async () => {
    await Promise.all([miss([false, true]), miss([true, true])]);
  },
);

interopTest(
  "holepunch: ours on all three",
  PROGRAMS,
  () => meet({ relay: "bip", called: "bip" }),
);

interopTest(
  "holepunch: to libtorrent",
  [...PROGRAMS, "libtorrent"],
  () => meet({ relay: "bip", called: "libtorrent" }),
);

interopTest(
  "holepunch: through libtorrent",
  [...PROGRAMS, "libtorrent"],
  () => meet({ relay: "libtorrent", called: "bip" }),
);
