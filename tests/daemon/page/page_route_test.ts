import { assert, assertEquals } from "@std/assert";
import { pageRoutes } from "../../../daemon/page/page_route.ts";

const request = {
  method: "GET",
  headers: [],
  bodyLength: 0,
  search: "",
  remote: { hostname: "127.0.0.1", port: 1 },
  readBody: () => Promise.reject(new Error("No body")),
} as const;

Deno.test({
  name: "the page asks for nothing that is not served beside it",
  permissions: "none",
  async fn() {
    const routes = pageRoutes();
    const paths = new Set(routes.map(({ path }) => path));
    for (const route of routes) {
      const { status, headers, body, contentType } = await route.handle({
        ...request,
        path: route.path,
      });
      assertEquals(status, 200);
      const policy = new Map(headers).get("content-security-policy")!;
      assert(policy.startsWith("default-src 'none'"), policy);
      assert(!/unsafe|https?:|\*/.test(policy), policy);
      assertEquals(route.navigable, route.path === "/");
      assertEquals(route.methods, ["GET"]);
      const text = body as string;
      if (contentType!.startsWith("text/html")) {
        for (const [, url] of text.matchAll(/(?:src|href)="([^"]+)"/g)) {
          assert(paths.has(`/${url}`), url);
        }
        assert(!/<script(?![^>]*src)|\son\w+=|style=/.test(text));
      }
      for (const [, url] of text.matchAll(/from "\.\/([^"]+)"/g)) {
        assert(paths.has(`/page/${url}`), url);
      }
      // Text is set as text everywhere.
      assert(!/innerHTML|insertAdjacentHTML|document\.write|eval\(/.test(text));
    }
  },
});
