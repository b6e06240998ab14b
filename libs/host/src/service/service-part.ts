import type { DynamicModule, Type } from '@nestjs/common';
import type { ConfigClass } from '../config/setting.js';
import type { EntityClass } from '../database/data-source.js';
import type { SchemaMigrations } from '../database/database-schemas.js';
import type { LoadedConfig } from '../config/load-config.js';

/**
 * An app as a value: what it needs to run alone, and what the one process merges. The same module code
 * serves both, since everything that there is only one of (HTTP server, DataSource, log, identity) is the
 * host's and is injected.
 */
export interface ServicePart {
  readonly name: string;
  /** The port of the app when it runs alone. */
  readonly defaultPort: number;
  /** The app's root module, or how it is made from the configuration. Absent for a part that only gathers others. */
  readonly module?: Type | ((config: LoadedConfig) => Type | DynamicModule);
  /** Classes of settings, injectable by their class. */
  readonly config?: readonly ConfigClass[];
  readonly entities?: readonly EntityClass[];
  readonly migrations?: SchemaMigrations;
  /** Paths besides `/oauth`, `/.well-known` and `/fhir` that stay on `PORT` where `ADMIN_PORT` is set: patients' pages. */
  readonly publicPaths?: readonly string[];
  /** Parts that this one gathers, as the one process does. */
  readonly parts?: readonly ServicePart[];
}

/** A part and all that it gathers, in order. */
export function partsOf(part: ServicePart): readonly ServicePart[] {
  return [part, ...(part.parts ?? []).flatMap(partsOf)];
}
