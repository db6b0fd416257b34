/**
 * The page of a daemon: plain HTML, CSS and modules, part of the program.
 *
 * @module
 */
import type { HttpAnswer } from "../../tracker/http_answer.ts";
import type { FrontRoute } from "../http/front.ts";
import app from "./app.js" with { type: "text" };
import details from "./details.js" with { type: "text" };
import dialogs from "./dialogs.js" with { type: "text" };
import dom from "./dom.js" with { type: "text" };
import format from "./format.js" with { type: "text" };
import icon from "./icon.svg" with { type: "text" };
import index from "./index.html" with { type: "text" };
import list from "./list.js" with { type: "text" };
import plots from "./plots.js" with { type: "text" };
import rpc from "./rpc.js" with { type: "text" };
import store from "./store.js" with { type: "text" };
import style from "./style.css" with { type: "text" };

/** Nothing but what is served here, and no other page around it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const SCRIPT = "text/javascript; charset=utf-8";

const PARTS: Readonly<Record<string, readonly [type: string, text: string]>> = {
  "/": ["text/html; charset=utf-8", index],
  "/page/style.css": ["text/css; charset=utf-8", style],
  "/page/icon.svg": ["image/svg+xml", icon],
  "/page/app.js": [SCRIPT, app],
  "/page/details.js": [SCRIPT, details],
  "/page/dialogs.js": [SCRIPT, dialogs],
  "/page/dom.js": [SCRIPT, dom],
  "/page/format.js": [SCRIPT, format],
  "/page/list.js": [SCRIPT, list],
  "/page/plots.js": [SCRIPT, plots],
  "/page/rpc.js": [SCRIPT, rpc],
  "/page/store.js": [SCRIPT, store],
};

/**
 * Makes the routes of the page.
 *
 * @returns `/`, to which links of other sites may lead, and its parts.
 */
export function pageRoutes(): FrontRoute[] {
  return Object.entries(PARTS).map(([path, [contentType, body]]) => ({
    path,
    methods: ["GET"],
    navigable: path === "/",
    handle: (): HttpAnswer => ({
      status: 200,
      contentType,
      headers: [
        ["content-security-policy", POLICY],
        ["cache-control", "no-cache"],
      ],
      body,
    }),
  }));
}
