import type { IncomingMessage } from 'node:http';
import { parse } from 'node:querystring';
import { errors } from 'oidc-provider';

/** The longest form that is read, in bytes. */
const LONGEST = 56 * 1024;
const media = 'application/x-www-form-urlencoded';

/** The parameters of a form; one that was sent several times has all its values. */
export type Form = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Reads the form of a request to an OAuth endpoint (RFC 6749, 3.2). A request without a body has an empty one.
 *
 * @throws errors.InvalidRequest for another media type, and for a form that is too long
 */
export async function readForm(request: IncomingMessage): Promise<Form> {
  const type = request.headers['content-type'];
  if (type === undefined) return {};
  if (type.split(';', 1)[0]?.trim().toLowerCase() !== media)
    throw new errors.InvalidRequest(`only ${media} is understood here`);
  if (Number(request.headers['content-length'] ?? 0) > LONGEST) throw tooLong();
  return parse((await bodyOf(request)).toString('utf8'));
}

/** Rejects for a caller that went away, whom no answer reaches any more. */
function bodyOf(request: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > LONGEST) reject(tooLong());
      else chunks.push(chunk);
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('close', () => reject(new Error('the caller went away')));
  });
}

function tooLong(): errors.InvalidRequest {
  return new errors.InvalidRequest(`a form of more than ${LONGEST} bytes is not read`);
}

/**
 * Those of the named parameters that the form has, each once (RFC 6749, 3.2): an empty one is none.
 *
 * @throws errors.InvalidRequest for one that was sent twice
 */
export function onceEach(form: Form, names: readonly string[]): Readonly<Record<string, string | undefined>> {
  const twice = names.filter((name) => Array.isArray(form[name]));
  if (twice.length > 0) throw new errors.InvalidRequest(`${twice.join(', ')} must not be sent twice`);
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = form[name];
      return typeof value === 'string' && value !== '' ? [[name, value]] : [];
    }),
  );
}
