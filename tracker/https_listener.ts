/**
 * Accepts connections by TLS.
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import type { ByteConnection } from "../_shared/byte_conn.ts";
import type { TlsConnection } from "../_shared/http/tls.ts";
import type { HttpConnection, HttpListener } from "./http_server.ts";

type Secure = (inner: ByteConnection) => TlsConnection;

/** Listens for HTTPS; a connection ends when it is closed, whatever it is doing. */
export class HttpsListener implements HttpListener {
  readonly #tls: { readonly cert: string; readonly key: string };
  readonly #listener: Deno.TcpListener;
  #secure: Promise<Secure> | undefined;

  /**
   * Listens. Needs `--allow-net` for the address.
   *
   * @param local Where.
   * @param tls Certificate chain and key, both PEM.
   * @throws Whatever the system says when the port cannot be bound, or a
   * certificate is none.
   */
  constructor(
    { hostname, port }: Endpoint,
    tls: { readonly cert: string; readonly key: string },
  ) {
    this.#tls = tls;
    // The system checks the certificate, and chooses the port.
    const checked = Deno.listenTls({ hostname, port, ...tls });
    const { port: chosen } = checked.addr;
    checked.close();
    this.#listener = Deno.listen({ hostname, port: chosen });
  }

  /** Where it listens. */
  get addr(): Endpoint {
    return this.#listener.addr;
  }

  /** Gives the next connection. */
  async accept(): Promise<HttpConnection> {
    const conn = await this.#listener.accept();
    const secure = await (this.#secure ??= this.#load());
    const { remoteAddr, localAddr } = conn;
    const close = () => {
      try {
        conn.close();
      } catch {
        // It is closed already.
      }
    };
    const secured = secure({
      local: localAddr,
      remote: remoteAddr,
      read: (buffer) => conn.read(buffer),
      write: (data) => conn.write(data),
      close,
      [Symbol.dispose]: close,
    });
    return {
      remoteAddr,
      read: (buffer) => secured.read(buffer),
      write: (data) => secured.write(data),
      closeWrite: () => secured.closeWrite(),
      close: () => secured.close(),
    };
  }

  /** Stops; a pending `accept` is rejected. */
  close(): void {
    this.#listener.close();
  }

  async #load(): Promise<Secure> {
    const { secureServer } = await import("../_shared/http/tls.ts");
    return secureServer(this.#tls);
  }
}
