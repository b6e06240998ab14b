import {
  type ExportLevel,
  exportedTypes,
  exportExtent,
  isObject,
  isResourceType,
  type QueryParameter,
  type ResourceType,
  type Sight,
} from '#smart';
import { wrongAnswer } from '../answer/not-answered.js';

/** A file at the FHIR server. */
export interface UpstreamFile {
  readonly type: ResourceType;
  /** Below the base of the server. */
  readonly target: string;
}

/** A file as it is offered: one of the server's, or all of a type's in one. */
export interface OfferedFile {
  readonly type: ResourceType;
  /** Which of the server's files of that type; all of them when absent. */
  readonly index?: number;
}

/**
 * Where something of a FHIR server stands, below its base: what is said to be elsewhere is not asked for, since the gateway
 * would show its credential there.
 */
export function belowBase(url: unknown, upstream: string): string | undefined {
  const below = typeof url === 'string' && url.startsWith(upstream) ? url.slice(upstream.length) : undefined;
  return below !== undefined && /^(\/[\w$][\w.~-]*)*\/?(\?[^\s#\\]*)?$/.test(below) && below.length > 1
    ? below
    : undefined;
}

/** The files that a server names of an export that is complete (Bulk Data Access 2.0, Complete Status). */
export function filesIn(manifest: unknown, upstream: string): readonly UpstreamFile[] {
  const output = isObject(manifest) ? manifest['output'] : undefined;
  if (!Array.isArray(output)) throw wrongAnswer('the upstream’s export names no files');
  return output.filter(isObject).flatMap(({ type, url }): readonly UpstreamFile[] => {
    if (typeof type !== 'string' || !isResourceType(type)) return [];
    const target = belowBase(url, upstream);
    if (target === undefined) throw wrongAnswer('a file of the upstream’s export is not at it');
    return [{ type, target }];
  });
}

/**
 * The files that are offered. Of a type that is seen whole, each of the server's; of one that is seen in part, one, whether
 * or not there is something: how many there are would tell of what is hidden.
 */
export function offeredFiles(
  files: readonly UpstreamFile[],
  params: readonly QueryParameter[],
  level: ExportLevel,
  { scopes, reaches }: Sight,
): readonly OfferedFile[] {
  const asked = exportedTypes(params, level, scopes, reaches);
  const types = asked === 'any' ? [...new Set(files.map(({ type }) => type))] : asked;
  return types.flatMap((type): readonly OfferedFile[] => {
    switch (exportExtent(type, level, scopes, reaches)) {
      case 'whole':
        return files.filter((it) => it.type === type).map((_it, index) => ({ type, index }));
      case 'part':
        return [{ type }];
      case undefined:
        return [];
    }
  });
}

/** When the data was as it is in the files, as the server says; the time now when it says nothing that is one. */
export function transactionTimeIn(manifest: unknown): string {
  const time = isObject(manifest) ? manifest['transactionTime'] : undefined;
  const isInstant =
    typeof time === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(time);
  return isInstant ? time : new Date().toISOString();
}
