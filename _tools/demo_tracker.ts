/**
 * The demo's tracker: a small HTTP tracker on loopback.
 *
 * @module
 */
import { type Endpoint, formatEndpoint } from "../_shared/address.ts";
import { encodeBencode } from "../bencode/mod.ts";

/** Seconds between two announces of a peer. */
const INTERVAL_SECONDS = 2;

/** A running tracker. */
export interface DemoTracker extends AsyncDisposable {
  /** Its announce URL. */
  readonly url: string;
  /** Announces answered so far. */
  readonly announces: number;
}

/**
 * Starts a tracker on loopback (BEP 3).
 *
 * @returns The tracker, listening.
 */
export function startTracker(): DemoTracker {
  const swarms = new Map<string, Map<string, Endpoint>>();
  let announces = 0;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ url }, { remoteAddr }) => {
      const { pathname, search, searchParams } = new URL(url);
      const infoHash = /[?&]info_hash=([^&]*)/.exec(search)?.[1];
      const port = Number(searchParams.get("port"));
      if (pathname !== "/announce" || infoHash === undefined || !(port > 0)) {
        return new Response(null, { status: 404 });
      }
      announces++;
      const self = { hostname: remoteAddr.hostname, port };
      const key = formatEndpoint(self);
      const swarm = swarms.getOrInsertComputed(infoHash, () => new Map());
      if (searchParams.get("event") === "stopped") swarm.delete(key);
      else swarm.set(key, self);
      const peers = [...swarm].flatMap(([other, { hostname, port }]) =>
        other === key ? [] : [{ ip: hostname, port }]
      );
      return new Response(
        encodeBencode({ interval: INTERVAL_SECONDS, peers }).slice(),
      );
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/announce`,
    get announces() {
      return announces;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
