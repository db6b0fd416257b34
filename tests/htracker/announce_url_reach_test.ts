import { assertThrows } from "@std/assert";
import { TrackerError } from "../../_shared/announce.ts";
import { checkTarget } from "../../htracker/announce_url.ts";

Deno.test("checkTarget() lets local trackers pass as the policy says", {
  permissions: "none",
}, () => {
  const url = (path: string) => new URL(`http://10.0.0.1${path}`);
  const local = { reach: 1, address: "10.0.0.1" };
  for (const path of ["/announce", "/x/announce.php?k=1", "/scrape"]) {
    checkTarget(url(path), local);
    checkTarget(url(path), local, "allow");
    assertThrows(() => checkTarget(url(path), local, "refuse"), TrackerError);
  }
  assertThrows(() => checkTarget(url("/admin"), local), TrackerError);
  checkTarget(url("/admin"), local, "allow");
  checkTarget(url("/admin"), { reach: 0 }, "refuse");
});
