import { assertEquals, assertRejects } from "@std/assert";
import { Arguments, type VerbContext } from "../../../cli/command.ts";
import { CommandError } from "../../../cli/error.ts";
import { eventJson, tellingErrors } from "../../../cli/transfer/event_json.ts";

Deno.test({
  name: "eventJson() - a peer has one address in all its events",
  permissions: "none",
  fn() {
    const address = { hostname: "::1", port: 7 };
    for (const state of ["connected", "disconnected", "failed", "banned"]) {
      const event = eventJson({
        type: `peer-${state}` as "peer-failed",
        address,
        direction: "inbound",
      });
      assertEquals(event, {
        type: "peer",
        address: "[::1]:7",
        state,
        direction: "inbound",
        client: null,
        reason: null,
      });
    }
    assertEquals(eventJson({ type: "complete" }), undefined);
    assertEquals(
      eventJson({ type: "tracker", tracker: "udp://t", ok: true }),
      {
        type: "tracker",
        tracker: "udp://t",
        ok: true,
        peers: null,
        error: null,
      },
    );
  },
});

Deno.test({
  name: "tellingErrors() - an event of --json, unless Ctrl-C ended it",
  permissions: "none",
  async fn() {
    const printed: unknown[] = [];
    const ended = new AbortController();
    const contextOf = (...switches: string[]) =>
      ({
        args: new Arguments([], new Map(), new Set(switches)),
        output: { printJson: (value: unknown) => printed.push(value) },
        signal: ended.signal,
      }) as unknown as VerbContext;
    const run = tellingErrors(() => {
      throw new CommandError(6, "not-found", "Cannot read x: it is gone");
    });
    const fail = (...switches: string[]) =>
      assertRejects(
        async () => await run(contextOf(...switches)),
        CommandError,
      );
    await fail();
    assertEquals(printed, []);
    await fail("json");
    ended.abort();
    await fail("json");
    assertEquals(printed, [{
      type: "error",
      code: "not-found",
      message: "Cannot read x: it is gone",
    }]);
  },
});
