import { assert } from "@std/assert";
import { BanList } from "../../../client/limits/host_book.ts";

const none = { permissions: "none" } as const;

Deno.test("IPv4 bans are of one address, in all its forms", none, () => {
  const bans = new BanList();
  bans.ban("1.2.3.4");
  assert(bans.has("::ffff:1.2.3.4"));
  assert(!bans.has("1.2.3.5"));
});

Deno.test("IPv6 bans are of networks, and widen", none, () => {
  const bans = new BanList();
  bans.ban("2a00:1:2:3300::1");
  assert(bans.has("2a00:1:2:3300:ffff::9"));
  assert(!bans.has("2a00:1:2:3301::1"));
  bans.ban("2a00:1:2:3301::1");
  assert(!bans.has("2a00:1:2:33ff::1"));
  bans.ban("2a00:1:2:3302::1");
  // The third /64 of a /56.
  assert(bans.has("2a00:1:2:33ff::1"));
  assert(!bans.has("2a00:1:2:3400::1"));
  for (const subnet of ["34", "35", "36"]) bans.ban(`2a00:1:2:${subnet}00::1`);
  // The sixth offence in a /48.
  assert(bans.has("2a00:1:2:9900::1"));
  assert(!bans.has("2a00:1:3::1"));
});
