import { assertEquals, assertRejects } from "@std/assert";
import type { AnnounceRequest } from "../../../_shared/announce.ts";
import type { Privacy } from "../../../client/session/privacy.ts";
import { TrackerClients } from "../../../client/session/tracker_clients.ts";
import type { AnnounceScheduler } from "../../../client/trackers/announce_scheduler.ts";

Deno.test(
  "TrackerClients chooses by scheme, and loads nothing before it is needed",
  {
    permissions: "none",
  },
  async () => {
    const privacy = {
      blocklist: { has: () => false },
      httpTrackers: () => ({}),
      udpTrackers: () => ({}),
    } as unknown as Privacy;
    const make = (options = {}) =>
      new TrackerClients(options, {} as AnnounceScheduler, privacy);
    const clients = make();
    const of = (url: string) => clients.clientFor(url);
    assertEquals(of("http://a/announce") === of("HTTPS://b/announce"), true);
    assertEquals(of("udp://a:1") === of("UDP://b:2"), true);
    assertEquals(of("udp://a:1") === of("http://a"), false);
    for (const url of ["ws://a", "wss://a", "httpx://a", "udpx://a", ""]) {
      assertEquals(of(url), undefined, url);
    }
    await clients.close();
    const own = { announce: () => Promise.reject(new Error("Not asked")) };
    const chosen = make({ httpTracker: own, udpTracker: own });
    assertEquals(chosen.clientFor("http://a") === own, true);
    assertEquals(chosen.clientFor("udp://a:1") === own, true);
    await chosen.close();
  },
);

Deno.test(
  "TrackerClients that could not be made are closed all the same",
  { permissions: "none" },
  async () => {
    const fail = () => {
      throw new TypeError("No such proxy");
    };
    const clients = new TrackerClients({}, {} as AnnounceScheduler, {
      blocklist: { has: () => false },
      httpTrackers: fail,
      udpTrackers: fail,
    } as unknown as Privacy);
    for (const url of ["http://a", "udp://a:1"]) {
      const client = clients.clientFor(url)!;
      await assertRejects(
        () => client.announce(url, {} as AnnounceRequest),
        TypeError,
      );
    }
    await clients.close();
  },
);
