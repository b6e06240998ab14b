import type { MigrationInterface } from 'typeorm';

/**
 * The three schemas (security.md, The log): `projection` may be dropped at any time, `protocol` loses
 * sign-ins with it, `vault` is backed up and never rebuilt.
 */
export const schemaNames = ['projection', 'protocol', 'vault'] as const;

export type SchemaName = (typeof schemaNames)[number];

export type MigrationClass = new () => MigrationInterface;

/** Migrations by the schema whose tables they make. Each schema keeps its own history, and a dropped one is made anew. */
export type SchemaMigrations = { readonly [schema in SchemaName]?: readonly MigrationClass[] };

/** The migrations of several parts as one; a class named twice runs once. */
export function mergeMigrations(all: readonly SchemaMigrations[]): Record<SchemaName, readonly MigrationClass[]> {
  const of = (schema: SchemaName) => [...new Set(all.flatMap((migrations) => migrations[schema] ?? []))];
  return { projection: of('projection'), protocol: of('protocol'), vault: of('vault') };
}
