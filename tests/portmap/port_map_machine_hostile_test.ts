import { assertEquals } from "@std/assert";
import { IgdWorld } from "../support/igd_world.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "portmap - a port that changes all the time is told now and then",
  none,
  () => {
    const world = new IgdWorld();
    world.pcp = 0;
    world.meet();
    assertEquals(world.mapped, [["pcp", 6881]]);
    const answer = world.sent.find(({ data }) => data[0] === 2)!.data.slice();
    answer[1] = 0x81;
    const claim = (port: number) => {
      answer.set([port >> 8, port & 255], 42);
      world.receive(answer);
    };
    for (let i = 0; i < 1000; i++) claim(7000 + i % 2);
    assertEquals(world.mapped.length, 1);
    world.run(10_000);
    for (let i = 0; i < 1000; i++) claim(7000 + i % 2);
    assertEquals(world.mapped, [["pcp", 6881], ["pcp", 7000]]);
  },
);
