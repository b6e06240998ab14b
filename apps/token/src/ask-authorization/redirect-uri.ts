const loopbackAddress = /^http:\/\/(127\.0\.0\.1|\[::1\])(?=[:/?]|$)(?::\d{1,5})?/;

/**
 * Whether a request may be answered at this URI: it is registered, character for character. The port of a loopback
 * address alone may differ (RFC 8252, 7.3); names such as `localhost` are no addresses.
 */
export function mayRedirectTo(uri: string, registered: readonly string[]): boolean {
  if (registered.includes(uri)) return true;
  const host = loopbackAddress.exec(uri)?.[1];
  if (host === undefined) return false;
  return registered.some((other) => loopbackAddress.exec(other)?.[1] === host && portless(other) === portless(uri));
}

function portless(uri: string): string {
  return uri.replace(loopbackAddress, '');
}
