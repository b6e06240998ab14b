import type { ReviewedMetadata } from '#contracts';

type ClientType = ReviewedMetadata['clientType'];

/** RFC 8252 §8.3 wants the address itself: `localhost` may resolve elsewhere. */
const loopbackHosts: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]']);

/**
 * What is wrong with a redirect URI; undefined when nothing is. It is compared exactly at authorization, but for the port
 * of a loopback address (RFC 8252 §7.3), so it must be exact here: https, http on a loopback address, or a reverse-domain
 * private-use scheme for public clients (RFC 8252 §7.1).
 */
export function faultOfRedirectUri(text: string, clientType: ClientType): string | undefined {
  const url = readUri(text);
  if (url === undefined) return 'must be an absolute URI';
  if (text.includes('#')) return 'must not have a fragment (RFC 6749 §3.1.2)';
  if (url.username !== '' || url.password !== '') return 'must not carry credentials';
  if (text.includes('*')) return 'must be exact: wildcards are not understood';
  switch (url.protocol) {
    case 'https:':
      return writtenExactly(text, url);
    case 'http:':
      if (url.hostname === 'localhost') return 'must name 127.0.0.1 or [::1] instead of localhost (RFC 8252 §8.3)';
      if (!loopbackHosts.has(url.hostname))
        return 'must be https; http is for a loopback address (127.0.0.1, [::1]) alone';
      return writtenExactly(text, url);
    default:
      return faultOfPrivateScheme(url.protocol.slice(0, -1), clientType);
  }
}

/** A scheme such as `com.example.app`: a domain of the maker's in reverse, so that no other app may claim it by chance. */
function faultOfPrivateScheme(scheme: string, clientType: ClientType): string | undefined {
  if (!/^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+$/.test(scheme)) {
    return 'must be https, or a private-use scheme that is a domain in reverse, such as com.example.app:/callback';
  }
  if (clientType !== 'public') return 'must be https: private-use schemes are for public clients only';
  return undefined;
}

/** A host or path that browsers rewrite (upper case, dot segments, default port) would never compare as equal. */
function writtenExactly(text: string, url: URL): string | undefined {
  const bare = url.pathname === '/' && url.search === '' ? url.origin : url.href;
  return text === url.href || text === bare ? undefined : `must be written as it is compared: ${url.href}`;
}

/** What is wrong with a link that people or services follow: https, without credentials or fragment. */
export function faultOfLink(text: string): string | undefined {
  const url = readUri(text);
  if (url?.protocol !== 'https:') return 'must be an https URL';
  if (url.username !== '' || url.password !== '') return 'must not carry credentials';
  if (text.includes('#')) return 'must not have a fragment';
  return undefined;
}

/** What is wrong with a launch URI (SMART App Launch, EHR launch): https, or http on a loopback address. */
export function faultOfLaunchUri(text: string): string | undefined {
  const url = readUri(text);
  if (url?.protocol !== 'http:' || !loopbackHosts.has(url.hostname)) return faultOfLink(text);
  if (url.username !== '' || url.password !== '') return 'must not carry credentials';
  return text.includes('#') ? 'must not have a fragment' : undefined;
}

/** What is wrong with an origin that may call from a browser (RFC 6454): scheme, host and port as a browser sends them. */
export function faultOfOrigin(text: string): string | undefined {
  const url = readUri(text);
  if (url === undefined || url.origin !== text) return 'must be an origin, such as https://app.example.org';
  if (url.protocol === 'https:' || (url.protocol === 'http:' && loopbackHosts.has(url.hostname))) return undefined;
  return 'must be https; http is for a loopback address (127.0.0.1, [::1]) alone';
}

function readUri(text: string): URL | undefined {
  // The parser forgives spaces, controls and backslashes; what is compared exactly must not need forgiving.
  if (/[^\x21-\x7e]|\\/.test(text)) return undefined;
  return URL.parse(text) ?? undefined;
}
