import { assertEquals } from "@std/assert";
import { Leaving } from "../../../daemon/run/record_keeper.ts";

Deno.test("what cannot be forgotten now is forgotten later", {
  permissions: "none",
}, () => {
  const gone: number[] = [];
  let isFull = true;
  const leaving = new Leaving({
    remove(id) {
      if (isFull) throw new Error("the disk is full");
      gone.push(id);
    },
  });
  leaving.forget(1);
  leaving.forget(2);
  assertEquals(gone, []);
  isFull = false;
  leaving.retry();
  assertEquals(gone, [1, 2]);
  leaving.forget(3);
  leaving.retry();
  assertEquals(gone, [1, 2, 3]);
});
