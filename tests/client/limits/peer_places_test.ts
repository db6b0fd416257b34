import { assertEquals } from "@std/assert";
import {
  PeerPlaces,
  type PlaceHolder,
} from "../../../client/limits/peer_places.ts";

class Holder implements PlaceHolder {
  places = 0;
  calls = 0;
  constructor(readonly all: PeerPlaces) {}
  take(): void {
    this.places++;
    this.all.take(this);
  }
  free(): void {
    this.places--;
    this.all.free(this);
  }
  giveUp(): boolean {
    this.free();
    return true;
  }
  onRoom(): void {
    this.calls++;
  }
}

Deno.test("who has most gives a place up, who waits is called once", {
  permissions: "none",
}, () => {
  const all = new PeerPlaces(3);
  const [a, b, c] = [new Holder(all), new Holder(all), new Holder(all)];
  assertEquals(all.makeRoom(), false);
  a.take();
  b.take();
  b.take();
  assertEquals([all.taken, all.full], [3, true]);
  all.wait(c);
  all.wait(c);
  assertEquals(all.makeRoom(), true);
  assertEquals([a.places, b.places, all.full], [1, 1, false]);
  assertEquals(c.calls, 1);
  a.free();
  assertEquals(c.calls, 1);
  b.free();
  assertEquals([all.taken, all.makeRoom()], [0, false]);
});

Deno.test("of those that have most, the first gives a place up", {
  permissions: "none",
}, () => {
  const all = new PeerPlaces(4);
  const [a, b] = [new Holder(all), new Holder(all)];
  for (const holder of [a, a, b, b]) holder.take();
  assertEquals(all.makeRoom(), true);
  assertEquals([a.places, b.places], [1, 2]);
});
