import { types } from 'node:util';
import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream, type Logger } from 'pino';
import { correlationId } from './request-context.js';

/**
 * The fields that a log line may have. Everything else is dropped, so that a secret, token or name that
 * somebody hands to the log by mistake does not get there (security.md, The log).
 */
const allowedFields = [
  'service',
  'context',
  'correlationId',
  'callerId',
  'method',
  'route',
  'status',
  'durationMs',
  'port',
  'url',
  'signal',
  'version',
  'topic',
  'partition',
  'offset',
  'firstOffset',
  'lastOffset',
  'position',
  'group',
  'transactionalId',
  'replicationFactor',
  'projection',
  'reactor',
  'snapshot',
  'eventType',
  'commandType',
  'commandId',
  'recordId',
  'aggregateId',
  'applicationId',
  'reviewId',
  'campaignId',
  'enforcementPoint',
  'run',
  'sequence',
  'count',
  'attempt',
  'retryInMs',
  'elapsedMs',
  'check',
  'outcome',
  'reason',
  'schema',
  'migration',
  'code',
  'error',
] as const;

const allowedNames: ReadonlySet<string> = new Set(allowedFields);

/** The fields of a log line. The compiler refuses one that is not in the list; at run time it is dropped. */
export type LogFields = { readonly [name in (typeof allowedFields)[number]]?: string | number | boolean | undefined };

/**
 * JSON lines with the correlation id of the request at hand. Messages are fixed text; what varies goes
 * into allow-listed fields.
 */
export class Log implements LoggerService {
  private constructor(private readonly logger: Logger) {}

  /** A log at the given level; `destination` defaults to standard output. */
  static create(service: string, level: string, destination?: DestinationStream): Log {
    const options = {
      level,
      base: { service },
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label: string) => ({ level: label }) },
      mixin: () => {
        const id = correlationId();
        return id === undefined ? {} : { correlationId: id };
      },
    };
    return new Log(destination === undefined ? pino(options) : pino(options, destination));
  }

  /** A log whose lines name the part of the service that wrote them. */
  for(context: string): Log {
    return new Log(this.logger.child({ context }));
  }

  info(message: string, fields: LogFields = {}): void {
    this.logger.info(allowed(fields), message);
  }

  debug(message: string, fields: LogFields | string = {}, error?: unknown): void {
    const told = typeof fields === 'string' ? { context: fields } : allowed(fields);
    this.logger.debug({ ...told, ...describe(error) }, message);
  }

  /** `error` is written with its code, message and stack; of its cause, too. */
  warn(message: string, error?: unknown, fields: LogFields = {}): void {
    this.logger.warn({ ...allowed(fields), ...describe(error) }, message);
  }

  error(message: string, error?: unknown, fields: LogFields = {}): void {
    this.logger.error({ ...allowed(fields), ...describe(error) }, message);
  }

  fatal(message: string, error?: unknown, fields: LogFields = {}): void {
    this.logger.fatal({ ...allowed(fields), ...describe(error) }, message);
  }

  /** Nest's own lines, which say what it mounts: of interest while debugging alone. */
  log(message: string, context?: string): void {
    this.logger.debug(context === undefined ? {} : { context }, message);
  }

  verbose(message: string, context?: string): void {
    this.logger.trace(context === undefined ? {} : { context }, message);
  }

  /** Whether lines of a level are written at all. */
  enabled(level: 'debug' | 'info'): boolean {
    return this.logger.isLevelEnabled(level);
  }
}

function allowed(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => allowedNames.has(name)));
}

/** An error's class, code and stack. Properties such as a query's parameters or a response's body stay out. */
function describe(error: unknown): { error?: string; code?: string } {
  if (error === undefined) return {};
  if (!types.isNativeError(error)) return { error: typeof error === 'string' ? withoutSecrets(error) : typeof error };
  const stacks: string[] = [];
  for (let at: unknown = error; types.isNativeError(at) && stacks.length < 5; at = at.cause)
    stacks.push(at.stack ?? `${at.name}: ${at.message}`);
  const code: unknown = 'code' in error ? error.code : undefined;
  return { error: withoutSecrets(stacks.join('\ncaused by: ')), ...(typeof code === 'string' ? { code } : {}) };
}

/** A second line of defence: what looks like a JWT, a bearer credential or a URL's password is blotted out. */
function withoutSecrets(text: string): string {
  return text
    .replace(/eyJ[\w-]+\.[\w-]+(\.[\w-]*)?/g, '(token)')
    .replace(/\b(bearer|dpop|basic)\s+[\w.~+/=-]+/gi, '$1 (credential)')
    .replace(/(\w+:\/\/[^\s:/@]*):[^\s@/]+@/g, '$1:(password)@');
}
