/** Torrents in a bucket of a real object store. */
import { testPieceStorage } from "../../testing/compliance/piece_storage.ts";
import { hasProgram } from "./programs.ts";
import { Versitygw } from "./versitygw.ts";

if (hasProgram("versitygw")) {
  testPieceStorage({
    name: "versitygw",
    permissions: "inherit",
    async make() {
      const server = await Versitygw.start();
      return {
        open: () => server.storage({ prefix: "a b/ü+%" }),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      };
    },
  });
}
