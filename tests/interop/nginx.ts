/** A web server of another project, on loopback. */
import { TempDir } from "../support/paths.ts";
import { Child } from "../support/process.ts";
import { freePort } from "./programs.ts";

/** Options of {@linkcode Nginx}. */
export interface NginxOptions {
  /** Whether it sends parts of files. @default {true} */
  readonly ranges?: boolean;
  /** Bytes a second of each connection. @default {no limit} */
  readonly rate?: number;
}

/** Serves a folder until it is disposed of. */
export class Nginx implements AsyncDisposable {
  readonly #temp = new TempDir();
  readonly #child: Child;
  readonly port: number = freePort();

  constructor(folder: string, options: NginxOptions = {}) {
    const { ranges = true, rate = 0 } = options;
    const at = (name: string) => this.#temp.join(name);
    const temps = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((name) => `${name}_temp_path ${at(name)};`).join("\n");
    Deno.writeTextFileSync(
      at("nginx.conf"),
      `daemon off; master_process off; pid ${at("pid")}; error_log stderr;
events {}
http {
  ${temps}
  log_format short '$status $body_bytes_sent';
  access_log ${at("access.log")} short;
  sendfile on;
  server {
    listen 127.0.0.1:${this.port};
    root ${folder};
    ${ranges ? "" : "max_ranges 0;"}
    limit_rate ${rate};
  }
}
`,
    );
    const args = [
      "-c",
      at("nginx.conf"),
      "-p",
      this.#temp.path,
      "-e",
      "stderr",
    ];
    this.#child = new Child("nginx", { args });
  }

  /** Starts one and waits until it answers. */
  static async start(folder: string, options?: NginxOptions): Promise<Nginx> {
    const nginx = new Nginx(folder, options);
    const end = Date.now() + 10_000;
    while (true) {
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port: nginx.port }))
          .close();
        return nginx;
      } catch (error) {
        if (Date.now() > end) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  /** The folder's URL. */
  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Status and bytes of each answer. */
  answers(): [status: number, bytes: number][] {
    const text = Deno.readTextFileSync(this.#temp.join("access.log"));
    return text.trim().split("\n").map((line) => {
      const [status, bytes] = line.split(" ").map(Number);
      return [status!, bytes!];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
    await this.#temp[Symbol.asyncDispose]();
  }
}
