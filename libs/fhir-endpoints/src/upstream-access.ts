/** TLS of the connections to a FHIR server, as Node's `tls.connect` takes it. */
export interface UpstreamTls {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** The FHIR server's own authorization server gives no token. */
export class CredentialUnavailable extends Error {
  override readonly name = 'CredentialUnavailable';
  readonly code = 'credential-unavailable';
}

/** How this program shows a FHIR server who it is. */
export interface UpstreamAccess {
  readonly tls: UpstreamTls;
  /**
   * The `Authorization` to send: at once where it is at hand, so that a caller who has to send in this tick may.
   *
   * @throws CredentialUnavailable
   */
  authorization(): string | undefined | Promise<string>;
  /** The server refused what was sent: what was kept of it is asked for again. */
  refused(authorization: string): void;
}
