import type { QueryParameter } from './interaction.js';

/** Why a request is not exactly one that we know. */
export class Unrecognised extends Error {}

/** Bounds on what is read at all. */
export const targetLimits = { path: 512, query: 16_384, parameters: 256 } as const;

/**
 * Takes the raw request target (`req.raw.url`, nothing decoded) apart below the path at which the FHIR API is
 * mounted. Undefined when the target is not below it, written exactly so: an absolute-form target, `//fhir`,
 * `/FHIR`, `/%66hir` and `/fhirx` are not.
 *
 * @example splitTarget('/fhir/Patient?name=a', '/fhir') // { path: '/Patient', query: 'name=a' }
 */
export function splitTarget(
  target: string,
  mount: string,
): { readonly path: string; readonly query: string } | undefined {
  if (!target.startsWith(mount)) return undefined;
  const below = target.slice(mount.length);
  if (below !== '' && !below.startsWith('/') && !below.startsWith('?')) return undefined;
  const mark = below.indexOf('?');
  return mark < 0 ? { path: below, query: '' } : { path: below.slice(0, mark), query: below.slice(mark + 1) };
}

/**
 * The segments of a path below the FHIR base. Every known form is written with the letters of types, ids and
 * operations alone, so that nothing is ever decoded, normalised or guessed here: a percent sign, `//`, `;`,
 * a backslash, a segment of dots and a slash at the end are refused.
 */
export function readPath(path: string): readonly string[] {
  if (path === '' || path === '/') return [];
  if (path.length > targetLimits.path) throw new Unrecognised('the path is too long');
  if (!path.startsWith('/')) throw new Unrecognised('the path does not start with a slash');
  if (path.includes('%')) throw new Unrecognised('the path has percent-encoding');
  const segments = path.slice(1).split('/');
  for (const segment of segments) {
    if (segment === '') throw new Unrecognised('the path has an empty segment, or a slash at its end');
    if (!/^[A-Za-z0-9$_.-]+$/.test(segment)) throw new Unrecognised('the path has a character that no FHIR path has');
    if (/^\.+$/.test(segment)) throw new Unrecognised('the path has a segment of dots');
  }
  return segments;
}

/**
 * The parameters of a query, or of a form in a body, decoded once and strictly. What two servers might read
 * differently is refused: an empty piece or name, a name without `=`, `;`, `#`, broken or overlong encoding,
 * control characters, text that is not ASCII as sent.
 */
export function readParameters(text: string): readonly QueryParameter[] {
  if (text === '') return [];
  if (text.length > targetLimits.query) throw new Unrecognised('the parameters are too long');
  if (!/^[\x21-\x7e]*$/.test(text))
    throw new Unrecognised('the parameters have a character that must be percent-encoded');
  if (/[#;\\]/.test(text)) throw new Unrecognised('the parameters have a #, ; or \\ that must be percent-encoded');
  const pieces = text.split('&');
  if (pieces.length > targetLimits.parameters) throw new Unrecognised('there are too many parameters');
  return pieces.map((piece) => {
    const equals = piece.indexOf('=');
    if (equals <= 0) throw new Unrecognised('a parameter is not written name=value');
    return { name: decode(piece.slice(0, equals)), value: decode(piece.slice(equals + 1)) };
  });
}

/** Parameters as text again, from what was read and checked: never the text that came in. */
export function writeParameters(params: readonly QueryParameter[]): string {
  return params.map(({ name, value }) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
}

function decode(text: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text.replaceAll('+', ' '));
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw new Unrecognised('a parameter has broken percent-encoding');
  }
  if (/[\p{Cc}\p{Cs}]/u.test(decoded)) throw new Unrecognised('a parameter has a control character');
  return decoded;
}
