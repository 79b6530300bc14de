/** Options of {@link observe}. */
export interface ObserveOptions {
  /**
   * The unix socket: `true` is `$XDG_RUNTIME_DIR/keelson/PID.sock`, or a folder of your own in the temporary folder, and
   * a text is a path. It has mode 0600, and is removed on close. Default: true where nothing is said of `http`, false
   * where there is.
   */
  readonly socket?: boolean | string
  /**
   * The HTTP server with the page: `true` is a free port of 127.0.0.1, a text is `'127.0.0.1:9000'`. Default false.
   */
  readonly http?: boolean | string | ObserveHttpAddress
  /** Lets clients stop, kill and restart processes. Default false. */
  readonly allowActions?: boolean
  /** The secret that HTTP clients must have: 16 to 256 letters, digits, `-`, `.`, `_` and `~`. Default: a fresh one. */
  readonly token?: string
  /** The shortest time between two updates of a client, ms, from 50 to 60 000. Default 250. */
  readonly refreshMs?: number
  /** Names of hosts under which the server is reached, beside those of loopback. Default none. */
  readonly allowedHosts?: readonly string[]
  /** Origins of pages that may ask, beside the server's own: `'http://localhost:5173'`. Default none. */
  readonly allowedOrigins?: readonly string[]
  /** The length of a stall of the event loop, ms, from 10 to 60 000. Default 200. */
  readonly stallMs?: number
  /** Lets clients ask for the state of one process, and shows entries of journals. Default: neither is shown. */
  readonly state?: ObserveStateOptions
  /** Lets `http` listen on an address that other machines reach. Default false. */
  readonly dangerouslyAllowRemote?: boolean
}

/** An address for HTTP. */
export interface ObserveHttpAddress {
  /** The name or number of the host. Default `'127.0.0.1'`. */
  readonly host?: string
  /** The port. Default 0: a free one. */
  readonly port?: number
}

/** What clients may see of states and entries. */
export interface ObserveStateOptions {
  /**
   * Returns what is shown in place of a value; `path` leads to it, as `['user', 'password']`. It runs after the hook of
   * `Observer.configure`. A value for which it throws is hidden. Default: each value is shown.
   */
  readonly redact?: (value: unknown, path: readonly string[]) => unknown
}

/** The addresses of a server. */
export interface ObserveAddress {
  /** The URL without the token: `http://127.0.0.1:9000/`. */
  readonly http?: string
  /** The path of the socket. */
  readonly socket?: string
}

/** A server that {@link observe} has opened. */
export interface Observation {
  /** Its addresses. */
  readonly address: ObserveAddress
  /** The secret of HTTP clients. Open `${address.http}?token=${token}` in a browser. */
  readonly token: string
  /** Closes the server. Resolves when its sockets are closed; never rejects. Idempotent. */
  close(): Promise<void>
  /** The same as {@link close}. */
  [Symbol.asyncDispose](): Promise<void>
}
