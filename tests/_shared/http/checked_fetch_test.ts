import { assertEquals, assertRejects } from "@std/assert";
import {
  CheckedFetch,
  sendsHost,
} from "../../../_shared/http/checked_fetch.ts";
import type { HostPlace } from "../../../_shared/reach.ts";

const none = { permissions: "none" } as const;

function placeOf(addresses: readonly string[], reach = 0): HostPlace {
  return { reach, address: addresses[0], addresses };
}

/** What a fetch that notes its requests is asked for. */
function noting(): { fetch: typeof globalThis.fetch; asked: string[] } {
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = (url, init) => {
    const host = new Headers(init?.headers).get("host");
    asked.push(`${url} ${host}`);
    return Promise.resolve(new Response("here"));
  };
  return { fetch, asked };
}

Deno.test("CheckedFetch - asks the address that was looked at, by the name", async () => {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request) => {
      resolve(request.headers.get("host"));
      return new Response("here");
    },
  );
  const { port } = server.addr;
  const checked = new CheckedFetch(undefined, 0);
  // The first one refuses; the name leads nowhere by itself.
  const url = new URL(`http://name.invalid:${port}/file`);
  const place = placeOf(["127.1.2.3", "127.0.0.1"]);
  const response = await checked.fetch(url, {}, place);
  assertEquals(await response.text(), "here");
  assertEquals(await promise, `name.invalid:${port}`);
  checked.close();
});

Deno.test(
  "CheckedFetch - asks nobody where the name has no address",
  none,
  async () => {
    const { fetch, asked } = noting();
    const checked = new CheckedFetch(sendsHost(fetch), 0);
    await assertRejects(
      () => checked.fetch(new URL("http://a.example/"), {}, placeOf([])),
      TypeError,
      "The name has no address",
    );
    assertEquals(asked, []);
  },
);

Deno.test("CheckedFetch - tries IPv4 first, then the next address", {
  permissions: { net: true },
}, async () => {
  const asked: string[] = [];
  const fetch: typeof globalThis.fetch = (url) => {
    asked.push(String(url));
    return asked.length < 2
      ? Promise.reject(new TypeError("Refused"))
      : Promise.resolve(new Response("here"));
  };
  const checked = new CheckedFetch(sendsHost(fetch), 0);
  const place = placeOf(["2001:db8::1", "192.0.2.1"]);
  await checked.fetch(new URL("http://a.example:81/x"), {}, place);
  assertEquals(asked, [
    "http://192.0.2.1:81/x",
    "http://[2001:db8::1]:81/x",
  ]);
});

Deno.test(
  "CheckedFetch - goes by the name where that will do",
  none,
  async () => {
    const { fetch, asked } = noting();
    const places: [string, HostPlace | undefined][] = [
      ["http://named.example/", undefined],
      // A certificate is for the name.
      ["https://a.example/", placeOf(["192.0.2.1"])],
      ["http://printer.local/", placeOf([], 1)],
      ["http://192.0.2.1/", placeOf(["192.0.2.1"])],
      // No permission to use addresses.
      ["http://a.example/", placeOf(["192.0.2.1"])],
    ];
    const checked = new CheckedFetch(sendsHost(fetch), 0);
    for (const [url, place] of places) {
      await checked.fetch(
        new URL(url),
        {},
        place,
      );
    }
    assertEquals(asked, places.map(([url]) => `${url} null`));
  },
);

Deno.test("CheckedFetch - leaves names to a fetch that is not ours", {
  permissions: { net: true },
}, async () => {
  const { fetch, asked } = noting();
  const place = placeOf(["192.0.2.1"]);
  await new CheckedFetch(fetch, 0).fetch(
    new URL("http://a.example/"),
    {},
    place,
  );
  await new CheckedFetch(sendsHost(fetch), 0).fetch(
    new URL("http://a.example/"),
    {},
    place,
  );
  assertEquals(asked, [
    "http://a.example/ null",
    "http://192.0.2.1/ a.example",
  ]);
});
