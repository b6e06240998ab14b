import {
  evalFhirPath,
  formatSearchQuery,
  globalSchema,
  type IncludeTarget,
  OperationOutcomeError,
  type SearchRequest,
  type WithId,
} from '@medplum/core';
import { MemoryRepository } from '@medplum/fhir-router';
import type { Bundle, BundleEntry, Reference, Resource } from '@medplum/fhirtypes';

/** How many matches a page has when the search does not say. */
const defaultCount = 50;

/**
 * Medplum's repository in memory, with what a gateway meets at other servers too: versions that are numbers,
 * `patient=p1` beside `patient=Patient/p1`, `_include` and `_revinclude`, and pages with links.
 */
export class SandboxRepository extends MemoryRepository {
  private readonly versions = new Map<string, number>();
  /** Of the transaction under way, what undoes it. */
  private undo: (() => Promise<void>)[] | undefined;

  /** `base` is the URL that links and `fullUrl`s start with, without a slash at its end. */
  constructor(private readonly base: string) {
    super();
  }

  /** Also called for every update: a new version of the same id. */
  override async createResource<T extends Resource>(resource: T): Promise<WithId<T>> {
    const id = resource.id ?? this.generateId();
    const key = `${resource.resourceType}/${id}`;
    const version = (this.versions.get(key) ?? 0) + 1;
    await this.remember(resource.resourceType, id);
    this.versions.set(key, version);
    return super.createResource<T>({ ...resource, id, meta: { ...resource.meta, versionId: String(version) } });
  }

  override async deleteResource(resourceType: Resource['resourceType'], id: string): Promise<void> {
    await this.remember(resourceType, id);
    await super.deleteResource(resourceType, id);
  }

  /** All of it or nothing: what was done is undone when a part of it fails. */
  override async withTransaction<T>(callback: (client: undefined) => Promise<T>): Promise<T> {
    if (this.undo) return await callback(undefined);
    const undo: (() => Promise<void>)[] = (this.undo = []);
    try {
      return await callback(undefined);
    } catch (error) {
      this.undo = undefined;
      for (const step of undo.reverse()) await step();
      throw error;
    } finally {
      this.undo = undefined;
    }
  }

  /** Notes how a resource is now, for the case that the transaction under way fails. */
  private async remember(type: Resource['resourceType'], id: string): Promise<void> {
    if (!this.undo) return;
    const version = this.versions.get(`${type}/${id}`) ?? 0;
    const before = await super.readResource(type, id).catch((error: unknown) => {
      if (!(error instanceof OperationOutcomeError)) throw error;
      return undefined;
    });
    this.undo.push(async () => {
      this.versions.set(`${type}/${id}`, version);
      if (before) await super.createResource(before);
      else await super.deleteResource(type, id);
    });
  }

  /** Newest first. */
  override async readHistory<T extends Resource>(resourceType: string, id: string): Promise<Bundle<T>> {
    const history = await super.readHistory<T>(resourceType, id);
    const version = ({ resource }: BundleEntry<T>) => Number(resource?.meta?.versionId);
    const last = this.versions.get(`${resourceType}/${id}`) ?? 0;
    // A version of a transaction that was undone never was.
    const kept = (history.entry ?? []).filter((it) => version(it) <= last);
    const byVersion = new Map(kept.map((it) => [version(it), it]));
    return {
      ...history,
      total: byVersion.size,
      entry: [...byVersion.values()].sort((a, b) => version(b) - version(a)),
    };
  }

  override async search<T extends Resource>(request: SearchRequest<T>): Promise<Bundle<WithId<T>>> {
    const count = request.count ?? defaultCount;
    const found = await super.search<T>({ ...withTypedReferences(request), count });
    const matches = (found.entry ?? []).flatMap(({ resource }) => resource ?? []);
    const included = await this.included(request, matches);
    const entries = [
      ...matches.map((resource) => this.entry(resource, 'match')),
      ...included.map((resource) => this.entry(resource, 'include')),
    ];
    const next = (request.offset ?? 0) + count;
    const more = count > 0 && (found.total ?? 0) > next;
    return {
      resourceType: 'Bundle',
      type: 'searchset',
      total: found.total ?? 0,
      ...(more ? { link: [{ relation: 'next', url: this.page(request, count, next) }] } : {}),
      // Included resources may be of other types, which the router's signature does not say.
      entry: entries as BundleEntry<WithId<T>>[],
    };
  }

  /** What is referred to; nothing, where it is not there. */
  private async referred(reference: Reference<Resource>): Promise<Resource | undefined> {
    try {
      return await this.readReference<Resource>(reference);
    } catch (error) {
      if (!(error instanceof OperationOutcomeError)) throw error;
      return undefined;
    }
  }

  private entry(resource: Resource, mode: 'match' | 'include'): BundleEntry {
    return { fullUrl: `${this.base}/${resource.resourceType}/${resource.id}`, resource, search: { mode } };
  }

  private page(request: SearchRequest, count: number, offset: number): string {
    return `${this.base}/${request.resourceType}${formatSearchQuery({ ...request, count, offset })}`;
  }

  private async included(request: SearchRequest, matches: readonly Resource[]): Promise<readonly Resource[]> {
    const seen = new Set(matches.map((resource) => `${resource.resourceType}/${resource.id}`));
    const added: Resource[] = [];
    const add = (resource: Resource) => {
      const key = `${resource.resourceType}/${resource.id}`;
      if (!seen.has(key)) added.push(resource);
      seen.add(key);
    };
    for (const include of request.include ?? []) {
      for (const reference of matches.flatMap((resource) => referencesOf(resource, include))) {
        const read = await this.referred(reference);
        if (read) add(read);
      }
    }
    for (const include of request.revInclude ?? []) {
      const targets = new Set(matches.map((resource) => `${resource.resourceType}/${resource.id}`));
      const candidates = await super.search({ resourceType: include.resourceType as Resource['resourceType'] });
      for (const { resource } of candidates.entry ?? []) {
        if (resource && referencesOf(resource, include).some(({ reference = '' }) => targets.has(reference)))
          add(resource);
      }
    }
    return added;
  }
}

/** The references behind a search parameter of a resource. */
function referencesOf(
  resource: Resource,
  { resourceType, searchParam, targetType }: IncludeTarget,
): readonly Reference<Resource>[] {
  const parameter = globalSchema.types[resource.resourceType]?.searchParams?.[searchParam];
  if (resource.resourceType !== resourceType || !parameter?.expression) return [];
  const found = evalFhirPath(parameter.expression, resource).filter(isReference);
  return found.filter(({ reference }) => !targetType || reference?.startsWith(`${targetType}/`));
}

function isReference(value: unknown): value is Reference<Resource> {
  return typeof value === 'object' && value !== null && 'reference' in value && typeof value.reference === 'string';
}

/** `patient=p1` names the one type that the parameter may point to; Medplum compares whole references alone. */
function withTypedReferences<T extends Resource>(request: SearchRequest<T>): SearchRequest<T> {
  const parameters = globalSchema.types[request.resourceType]?.searchParams ?? {};
  const filters = request.filters?.map((filter) => {
    const { type, target = [] } = parameters[filter.code] ?? {};
    if (type !== 'reference') return filter;
    const values = filter.value
      .split(',')
      .flatMap((value) => (value === '' || value.includes('/') ? [value] : target.map((each) => `${each}/${value}`)));
    return { ...filter, value: values.join(',') };
  });
  return filters ? { ...request, filters } : request;
}
