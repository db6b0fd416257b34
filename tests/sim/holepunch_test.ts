/** Two behind routers meet through a third (BEP 55), in virtual time. */
import { assert, assertEquals } from "@std/assert";
import type { Endpoint } from "../../_shared/address.ts";
import type { ByteTransport } from "../../_shared/byte_conn.ts";
import { seededRandom } from "../../_shared/random.ts";
import {
  assertFiles,
  DatagramNetwork,
  type SimHost,
  type SimTorrent,
  simTorrent,
  SwarmWorld,
} from "../../testing/mod.ts";
import { UtpTransport } from "../../utp/transport.ts";

/** Hosts with TCP and uTP; routers let in only whom their host has written to. */
class World implements AsyncDisposable {
  readonly swarm = new SwarmWorld({ latencyMs: 40 });
  readonly datagrams = new DatagramNetwork({
    clock: this.swarm.clock,
    seed: 3,
    latencyMs: [30, 50],
  });
  readonly #hidden = new Set<string>();
  readonly #utps: UtpTransport[] = [];

  async host(
    kind: { readonly nat?: boolean; readonly dials?: boolean },
    torrent: SimTorrent,
    role: "seed" | "leech" | "relay",
    peers: Endpoint[],
  ): Promise<SimHost> {
    const { nat = false, dials = true } = kind;
    const hostname = this.swarm.ip();
    if (nat) this.#hidden.add(hostname);
    const utp = new UtpTransport({
      clock: this.swarm.clock,
      random: seededRandom(this.#utps.length),
      // Bound to everything is bound to the host's address.
      socket: ({ port = 0 }) =>
        Promise.resolve(
          this.datagrams.socket({ hostname, port: port || 6881 }, { nat }),
        ),
    });
    this.#utps.push(utp);
    const tcp = this.swarm.transport(hostname, {
      refuses: (remote) => this.#hidden.has(remote.hostname),
    });
    const part: ByteTransport = {
      name: utp.name,
      dials,
      connect: (remote, options) => utp.connect(remote, options),
      listen: (local) => utp.listen(local),
    };
    const options = {
      hostname,
      transports: [{ ...tcp, name: "tcp" }, part],
      // The relay has little to give, and passes nothing on.
      ...(role === "relay" ? { downloadLimit: 2000, uploadLimit: 1 } : {}),
    };
    if (role === "seed") {
      return await this.swarm.seeder(torrent, options, { peers });
    }
    const host = await this.swarm.host(options);
    host.add(torrent, { peers });
    return host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Ends of connections are waited for, but not by those who leave.
    for (const utp of this.#utps) utp.close();
    await this.swarm[Symbol.asyncDispose]();
    // What was on its way is gone.
    await this.swarm.clock.advance(100_000);
  }
}

async function meet(
  kind: { readonly isPrivate?: boolean; readonly relayDials?: boolean },
) {
  const torrent = await simTorrent([["a.bin", 300_000]], {
    private: kind.isPrivate ?? false,
  });
  const world = new World();
  const relay = await world.host(
    { dials: kind.relayDials ?? true },
    torrent,
    "relay",
    [],
  );
  const peers = [relay.address];
  const nat = { nat: true };
  const seed = await world.host(nat, torrent, "seed", peers);
  // The seed is told of nobody new for a minute.
  await world.swarm.clock.advance(10_000);
  const leech = await world.host(nat, torrent, "leech", peers);
  return { world, relay, seed, leech, torrent };
}

Deno.test("two behind routers meet through a common peer", {
  permissions: "none",
}, async () => {
  const { world, seed, leech, torrent } = await meet({});
  await using _ = world;
  await world.swarm.run(leech.torrent.completed, 20_000);
  assertFiles(torrent, leech.files);
  // Nobody could dial anybody: it takes both at once.
  assertEquals(leech.peersIn("failed"), [seed.address.hostname]);
  assert(leech.peersIn("connected").includes(seed.address.hostname));
});

for (
  const [what, kind] of [
    ["not in a private torrent", { isPrivate: true }],
    ["not by a relay that dials no uTP", { relayDials: false }],
  ] as const
) {
  Deno.test(`two behind routers do not meet: ${what}`, {
    permissions: "none",
  }, async () => {
    const { world, leech } = await meet(kind);
    await using _ = world;
    await world.swarm.clock.advance(30_000);
    assertEquals(leech.torrent.stats().peers, 1, "the relay only");
  });
}
