import { types } from 'node:util';
import { QueryFailedError } from 'typeorm';

/** Postgres cannot be asked now. Reads answer 503; what was being written is not known to have been. */
export class DatabaseUnavailable extends Error {
  readonly code = 'ERR_DATABASE_UNAVAILABLE';
  constructor(options?: ErrorOptions) {
    super('the database cannot be asked now', options);
    this.name = 'DatabaseUnavailable';
  }
}

/** Node's codes of a connection that failed or was cut. */
const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
]);
/** OpenSSL's and Node's codes of a server whose certificate does not count, and pg's words for one without TLS. */
const untrusted =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|HOSTNAME_MISMATCH|ERR_TLS_CERT_ALTNAME|ERR_SSL_)|The server does not support SSL/;
/** SQLSTATE classes 08 (connection), 53 (resources), 57P (operator's intervention: shutting down, starting up). */
const unavailableState = /^(08|53|57P)/;
/** pg and its pool give these no code. */
const unavailableMessage =
  /connection terminated|timeout exceeded when trying to connect|connection is not (established|connected)|cannot use a pool after calling end|driver not connected|client has encountered a connection error|client was closed|not connected|query read timeout|Connection ended unexpectedly/i;

/** Whether an error says that what answers there is not the server that is meant, or cannot be told to be. */
export function isUntrustedDatabase(error: unknown): boolean {
  if (!types.isNativeError(error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return untrusted.test(code) || untrusted.test(error.message) || isUntrustedDatabase(error.cause);
}

/** Whether an error says that Postgres cannot be asked now, rather than that a statement was wrong. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (error instanceof DatabaseUnavailable) return true;
  if (!types.isNativeError(error)) return false;
  if ('errors' in error && Array.isArray(error.errors) && error.errors.some(isDatabaseUnavailable)) return true;
  const cause: unknown = error instanceof QueryFailedError ? error.driverError : error.cause;
  if (cause !== undefined && cause !== error && isDatabaseUnavailable(cause)) return true;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return (
    isUntrustedDatabase(error) ||
    networkCodes.has(code) ||
    unavailableState.test(code) ||
    unavailableMessage.test(error.message)
  );
}
